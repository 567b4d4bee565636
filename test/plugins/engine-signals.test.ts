import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import engineSignals from '../../plugins/endpoints/engine-signals.ts'
import { parseConfig } from '../../src/config/load.ts'
import { ConfigVersions } from '../../src/runtime/configuration/versions.ts'
import { createEndpointApp } from '../support/endpoint-app.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { scriptedServer } from '../support/scripted-server.ts'
import { eventually } from '../support/simulator.ts'

const strategies = { off: 'least-connections', on: 'expected-latency' } as const

async function start(t: TestContext, isOn: keyof typeof strategies) {
  const clock = new FakeClock()
  let reads = 0
  const server = await scriptedServer(t, ({ path }) => {
    if (path !== '/stats') return undefined
    reads++
    return { busy: 3 }
  })
  const configOf = (which: keyof typeof strategies, interval?: string) =>
    parseConfig({
      proxy: { load_balancer: strategies[which] },
      discovery: interval === undefined ? {} : { signals: { interval } },
    })
  const app = await createEndpointApp(t, [
    { url: server.url, name: 'a', signals: [{ path: '/stats', running: ['/busy'] }] },
  ])
  app.endpointRegistry.setStatus(0, 'healthy', '')
  const versions = new ConfigVersions({ version: 1, config: configOf(isOn), endpointRows: [0] })
  app.decorate('configVersions', versions)
  await app.register(engineSignals, { intervalMs: isOn === 'on' ? 1_000 : 0, random: () => 0.5, clock })
  await app.ready()
  const change = (...to: Parameters<typeof configOf>) => {
    const version = versions.current.version + 1
    versions.prepare({ version, config: configOf(...to), endpointRows: [0] })
    versions.commit(version)
  }
  /** Lets a second pass, and waits for the reading in it. */
  const second = async () => {
    const before = reads
    await clock.advance(1_200)
    await eventually(() => reads === before + 1)
    await eventually(() => clock.armed > 0)
  }
  return { app, clock, change, second, reads: () => reads }
}

describe('the engine signals plugin', () => {
  it('reads while the configuration wants it', async (t) => {
    const { app, clock, change, second, reads } = await start(t, 'off')
    assert.deepEqual([app.engineSignals, clock.armed], [undefined, 0])
    change('on')
    await second()
    assert.equal(app.engineSignals?.value(0, 'running'), 3)
    await second()
    change('off')
    assert.deepEqual([app.engineSignals, clock.armed], [undefined, 0])
    await clock.advance(60_000)
    assert.equal(reads(), 2)
    change('on')
    await second()
    assert.equal(app.engineSignals?.value(0, 'running'), 3)
  })

  it('follows a new interval', async (t) => {
    const { app, clock, change, second, reads } = await start(t, 'on')
    await second()
    change('on', '10s')
    await clock.advance(5_000)
    await eventually(() => reads() === 2)
    await clock.advance(10_000)
    assert.equal(reads(), 2)
    // Three intervals of a second, but not of ten.
    assert.equal(app.engineSignals?.value(0, 'running'), 3)
    change('on', '0')
    assert.equal(app.engineSignals, undefined)
  })
})
