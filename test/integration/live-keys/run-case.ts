import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { startGateway } from '../../support/gateway.ts'
import { withSimulator } from '../../support/simulator.ts'
import type { LiveCase, Scene, Sections } from './live-case.ts'

/** Long enough for what happens at once, and short for what never does. */
const shortMs = 400
const longMs = 15_000
/** On connections of their own, so many requests reach each of two threads, with few exceptions. */
const repeats = 5

/** Changes a key of a running gateway by a reload, and looks for its effect. */
export async function runCase(t: TestContext, live: LiveCase, threads: number): Promise<void> {
  const { before = {}, after = before, endpoint, servers } = live
  const kind = 'openai-compatible'
  const first = await withSimulator(t, { kind, name: 'first', models: ['m', 'n', 'only'], ...servers })
  const secondKind = servers?.kind ?? kind
  const second = await withSimulator(t, { kind: secondKind, name: 'second', models: ['m', 'n'] })
  const slowly = { check_interval: '60s', check_timeout: '20s' }
  const prepared = await live.prepare?.(t)
  const list = (given: NonNullable<LiveCase['endpoint']>['after'] = {}) => [
    {
      ...{ url: first.url, name: 'first', type: servers?.kind ?? kind, priority: 200 },
      ...slowly,
      ...prepared,
      ...(typeof given === 'function' ? given({ first, second }) : given),
    },
    { url: second.url, name: 'second', type: secondKind, ...slowly },
  ]
  const authorized = tokenOf(before)
  const gateway = await startGateway(t, list(endpoint?.before), before, {
    threads,
    headers: authorized === undefined ? {} : { authorization: `Bearer ${authorized}` },
  })
  const scene = { t, gateway, first, second, endpoints: list(endpoint?.before) }
  await live.arrange?.({ ...scene, phase: 'before', patienceMs: longMs })
  await expect(live, { ...scene, phase: 'before', patienceMs: shortMs }, live.from, 'before the change')

  const sections = typeof after === 'function' ? after({ first, second }) : after
  const result = await gateway.reload(list(endpoint?.after), sections)
  assert.equal(result.outcome, 'applied', JSON.stringify(result))
  assert.deepEqual(result.needs_restart, [])

  const patienceMs = live.to === 'pending' || live.to === false ? shortMs : longMs
  await expect(live, { ...scene, phase: 'after', patienceMs }, live.to, 'after the change')
}

async function expect(live: LiveCase, scene: Scene, wanted: unknown, when: string): Promise<void> {
  const count = live.isSteady === true && wanted !== 'pending' ? repeats : 1
  for (let round = 0; round < count; round++) {
    const seen = await live.see(scene)
    if (!isDeepStrictEqual(seen, wanted)) assert.deepEqual(seen, wanted, `${live.key} ${when}`)
  }
}

function tokenOf({ dashboard }: Sections): string | undefined {
  const token = dashboard?.admin_token
  return typeof token === 'string' ? token : undefined
}
