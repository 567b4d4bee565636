import { setTimeout } from 'node:timers/promises'
import { eventually } from '../../support/simulator.ts'
import { act, type LiveCase, requestsOf, rowOf, type Scene, soon } from './live-case.ts'

const health = (settings: Record<string, unknown>) => ({ discovery: { health: settings } })
const models = (settings: Record<string, unknown>) => ({ discovery: { model_discovery: settings } })

/** Milliseconds from the last probe of the first endpoint to the next. */
async function probeInterval(scene: Scene): Promise<number> {
  await act(scene, 'probe')
  const row = await rowOf(scene)
  return Date.parse(row.next_check_at ?? '') - Date.parse(row.health_check_at ?? '')
}

const lists = (scene: Scene) => requestsOf(scene, 'GET', '/v1/models').length

const listsFail = ({ first }: Scene) =>
  first.control.setFault({ kind: 'status', status: 500, path: '/v1/models' })

export const discoveryCases: readonly LiveCase[] = [
  {
    key: 'discovery.health.slow_start',
    before: health({ slow_start: 0 }),
    after: health({ slow_start: '60s' }),
    see: async (scene) => {
      await scene.first.control.setFault({ kind: 'refuse' })
      await act(scene, 'probe')
      await eventually(async () => (await rowOf(scene)).status === 'offline')
      await scene.first.control.clearFaults()
      await act(scene, 'probe')
      await eventually(async () => (await rowOf(scene)).status !== 'offline')
      return (await rowOf(scene)).status
    },
    from: 'healthy',
    to: 'warming',
  },
  {
    key: 'discovery.signals.interval',
    servers: { kind: 'vllm' },
    before: { discovery: { signals: { interval: '0' } } },
    after: { discovery: { signals: { interval: '1s' } } },
    see: (scene) =>
      soon(scene, async () => {
        await eventually(async () => (await rowOf(scene)).engine?.state === 'fresh', { timeoutMs: 20_000 })
        return true
      }),
    from: 'pending',
    to: true,
    isSteady: true,
  },
  {
    key: 'discovery.health.busy_threshold',
    before: health({ busy_threshold: 0, slow_start: 0 }),
    after: health({ busy_threshold: '50ms', slow_start: 0 }),
    arrange: ({ first }) => first.control.setFault({ kind: 'delay', delayMs: 200, path: '/' }),
    see: async (scene) => (await act(scene, 'probe')).status,
    from: 'healthy',
    to: 'busy',
    isSteady: true,
  },
  {
    key: 'discovery.health.jitter',
    before: health({ jitter: 0 }),
    after: health({ jitter: 0.5 }),
    endpoint: { before: { check_interval: '100s' }, after: { check_interval: '100s' } },
    see: async (scene) => {
      let spread = 0
      for (let probe = 0; probe < 4; probe++)
        spread = Math.max(spread, Math.abs(100_000 - (await probeInterval(scene))))
      return spread > 2_000
    },
    from: false,
    to: true,
  },
  {
    key: 'discovery.health.max_backoff',
    before: health({ jitter: 0, max_backoff: 0 }),
    after: health({ jitter: 0, max_backoff: '10m' }),
    endpoint: {
      before: { check_interval: '20s', check_timeout: '1s' },
      after: { check_interval: '20s', check_timeout: '1s' },
    },
    arrange: ({ first }) => first.control.setFault({ kind: 'refuse' }),
    see: async (scene) => {
      for (let probe = 0; probe < 4; probe++) await act(scene, 'probe')
      return (await probeInterval(scene)) > 30_000
    },
    from: false,
    to: true,
  },
  {
    key: 'discovery.model_discovery.interval',
    before: models({ interval: '1h' }),
    after: models({ interval: '1s' }),
    see: async (scene) => {
      const before = lists(scene)
      const deadlineMs = performance.now() + scene.patienceMs
      while (lists(scene) <= before && performance.now() < deadlineMs) await setTimeout(50)
      return lists(scene) > before
    },
    from: false,
    to: true,
  },
  {
    key: 'discovery.model_discovery.timeout',
    before: models({ timeout: '60s', retry_attempts: 0 }),
    after: models({ timeout: '50ms', retry_attempts: 0 }),
    arrange: ({ first }) => first.control.setFault({ kind: 'delay', delayMs: 300, path: '/v1/models' }),
    see: async (scene) => {
      await act(scene, 'refresh')
      return /model list failed/.test((await rowOf(scene)).issues ?? '')
    },
    from: false,
    to: true,
  },
  {
    key: 'discovery.model_discovery.retry_attempts',
    before: models({ retry_attempts: 0, retry_backoff: '1s' }),
    after: models({ retry_attempts: 2, retry_backoff: '1s' }),
    arrange: async (scene) => {
      await listsFail(scene)
      // The first failure leads to a look at what the server may be.
      await act(scene, 'refresh')
    },
    see: async (scene) => {
      const before = lists(scene)
      await act(scene, 'refresh')
      return lists(scene) - before
    },
    from: 1,
    to: 3,
  },
  {
    key: 'discovery.model_discovery.retry_backoff',
    before: models({ retry_attempts: 1, retry_backoff: '10m' }),
    after: models({ retry_attempts: 1, retry_backoff: '1ms' }),
    arrange: async (scene) => {
      for (const { control } of [scene.first, scene.second])
        await control.setFault({ kind: 'status', status: 500, path: '/v1/models' })
    },
    // A read keeps the pause that it began with, so that each phase has its own endpoint.
    see: (scene) =>
      soon(scene, async (signal) => {
        const name = scene.phase === 'before' ? 'second' : 'first'
        await fetch(`${scene.gateway.url}/internal/admin/endpoints/${name}/refresh`, {
          method: 'POST',
          headers: { 'x-olla-gateway': '1' },
          signal,
        })
        return 'over'
      }),
    from: 'pending',
    to: 'over',
  },
]
