import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { postChat, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'
import { openEvents } from '../support/sse.ts'

const typed = (type: string) => (message: { event: string; data: Record<string, unknown> }) =>
  message.event === 'event' && message.data.type === type

describe('the live events of a gateway', () => {
  it('report an endpoint that fails, the traffic, and the shutdown', async (t) => {
    const simulator = await withSimulator(t, { kind: 'vllm', name: 'box', models: ['m'] })
    const gateway = await startGateway(t, [{ url: simulator.url, name: 'box' }], {
      dashboard: { recent_requests: 7 },
    })
    const stream = await openEvents(t, `${gateway.url}/internal/events?replay=100`)
    const hello = await stream.until(({ event }) => event === 'hello')
    assert.equal(hello.data.engine, 'olla')
    await stream.until(typed('discovery.completed'))

    await (await postChat(gateway.url)).text()
    const sample = await stream.until(({ event, data }) => event === 'sample' && Number(data.requests) > 0)
    assert.equal(sample.data.requests, 1)
    assert.ok(Number(sample.data.completion_tokens) > 0)
    assert.equal(Object.keys(sample.data.endpoints as object).length, 1)
    // Each thread takes its own, and another one than that of the events may answer here.
    await eventually(async () => {
      const kept = (await (await fetch(`${gateway.url}/internal/samples`)).json()) as { samples: unknown[] }
      return kept.samples.length > 0
    })

    await simulator.close()
    const down = await stream.until(
      (message) =>
        typed('endpoint.status')(message) && (message.data.data as { to: string }).to === 'offline',
    )
    assert.equal((down.data.data as { endpoint: string }).endpoint, 'box')

    const closed = gateway.close()
    await stream.ended
    assert.equal(stream.messages.at(-1)?.event, 'bye')
    await closed
  })

  it('need access to the dashboard', async (t) => {
    const gateway = await startGateway(t, [], {
      dashboard: { access_policy: { allowed_cidrs: ['10.0.0.0/8'] } },
    })
    for (const path of ['events', 'samples', 'ui/']) {
      assert.equal((await fetch(`${gateway.url}/internal/${path}`)).status, 403, path)
    }
    assert.equal((await fetch(`${gateway.url}/internal/status`)).status, 200)
  })
})
