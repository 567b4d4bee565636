import { postChat } from '../../support/gateway.ts'
import { eventually } from '../../support/simulator.ts'
import {
  act,
  ask,
  endpointOf,
  type LiveCase,
  requestsOf,
  rowOf,
  type Scene,
  soon,
  statusOf,
} from './live-case.ts'

/** Settings of retries alone: no circuit opens. */
const retries = (settings: Record<string, unknown>) =>
  proxy({ retry_backoff: '1ms', circuit_breaker: { enabled: false }, ...settings })
const proxy = (settings: Record<string, unknown>) => ({ proxy: settings })
/** Without a second endpoint that could answer. */
const alone = { model: 'only' }
const slowServers = { tokensPerSecond: 1 }

const residency = { discovery: { residency_interval: '1s' } }

/** Waits until the gateway knows which models are in memory. */
async function knowsLoaded(scene: Scene): Promise<void> {
  const asked = () => requestsOf(scene, 'GET', '/api/ps').length
  const before = asked()
  await eventually(() => asked() > before + 2)
}

/** Whether a stream ends before its end; it waits for that. */
async function isCut(scene: Scene, body: Record<string, unknown>, signal: AbortSignal): Promise<boolean> {
  const text = await ask(scene, body, { signal }).then(
    (answer) => answer.text,
    () => '',
  )
  return !text.includes('[DONE]')
}

async function hangs({ first }: Scene) {
  await first.control.setFault({ kind: 'hang' })
}

const answersWith =
  (status: number, more: object = {}) =>
  ({ first }: Scene) =>
    first.control.setFault({ kind: 'status', status, ...more })

/** Posts that the first endpoint gets for one request. */
async function attempts(scene: Scene): Promise<number> {
  const before = posts(scene)
  await ask(scene, alone)
  return posts(scene) - before
}

function posts({ first }: Scene): number {
  return first.control.requests().filter(({ method }) => method === 'POST').length
}

async function endpointOfSession(scene: Scene, session: string): Promise<string | null> {
  return (await ask(scene, { max_tokens: 1 }, { headers: { 'x-olla-session-id': session } })).endpoint
}

/** A session that an endpoint serves. */
async function sessionAt(scene: Scene, endpoint: string): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    const session = `${scene.phase}-${attempt}`
    if ((await endpointOfSession(scene, session)) === endpoint) return session
  }
}

/** Holds places of the first endpoint by streams. @returns a function that releases them */
async function hold(scene: Scene, count: number): Promise<() => Promise<void>> {
  const { t, gateway } = scene
  const streams = new AbortController()
  t.after(() => streams.abort())
  for (let stream = 0; stream < count; stream++) {
    await postChat(
      gateway.url,
      { ...alone, stream: true, max_tokens: 1_000 },
      {
        signal: streams.signal,
        headers: { 'content-type': 'application/json' },
      },
    )
  }
  return async () => {
    streams.abort()
    await eventually(async () => (await rowOf(scene)).in_flight === 0)
  }
}

export const proxyCases: readonly LiveCase[] = [
  {
    key: 'proxy.load_balancer',
    before: proxy({ load_balancer: 'priority' }),
    after: proxy({ load_balancer: 'round-robin', priority_tiers: false }),
    see: async (scene) => {
      const names = new Set<string | null>()
      for (let request = 0; request < 8; request++) names.add(await endpointOf(scene))
      return names.size
    },
    from: 1,
    to: 2,
    isSteady: true,
  },
  {
    key: 'proxy.priority_tiers',
    before: proxy({ load_balancer: 'round-robin', priority_tiers: true }),
    after: proxy({ load_balancer: 'round-robin', priority_tiers: false }),
    see: async (scene) => {
      const names = new Set<string | null>()
      for (let request = 0; request < 8; request++) names.add(await endpointOf(scene))
      return names.size
    },
    from: 1,
    to: 2,
    isSteady: true,
  },
  {
    key: 'proxy.response_timeout',
    after: proxy({ response_timeout: '200ms' }),
    arrange: hangs,
    see: (scene) => statusOf(scene, alone),
    from: 'pending',
    to: 504,
    isSteady: true,
  },
  {
    key: 'proxy.response_header_timeout',
    before: proxy({ max_retries: 0 }),
    after: proxy({ max_retries: 0, response_header_timeout: '200ms' }),
    arrange: hangs,
    see: (scene) => statusOf(scene, alone),
    from: 'pending',
    to: 504,
    isSteady: true,
  },
  {
    key: 'proxy.read_timeout',
    after: proxy({ read_timeout: '150ms' }),
    servers: slowServers,
    see: (scene) =>
      soon(scene, async (signal) => {
        return isCut(scene, { ...alone, stream: true, max_tokens: 50 }, signal)
      }),
    from: 'pending',
    to: true,
    isSteady: true,
  },
  {
    key: 'proxy.cold_start_timeout',
    before: { ...proxy({ max_retries: 0, response_header_timeout: '100ms' }), ...residency },
    after: {
      ...proxy({ max_retries: 0, response_header_timeout: '100ms', cold_start_timeout: '200ms' }),
      ...residency,
    },
    servers: {
      kind: 'ollama',
      models: [
        { name: 'm', loaded: false },
        { name: 'only', loaded: false },
      ],
    },
    arrange: async (scene) => {
      await hangs(scene)
      await knowsLoaded(scene)
    },
    see: (scene) => statusOf(scene, alone),
    from: 'pending',
    to: 504,
    isSteady: true,
  },
  {
    key: 'proxy.warm_margin',
    before: { ...proxy({ load_balancer: 'least-connections', warm_margin: 0 }), ...residency },
    after: { ...proxy({ load_balancer: 'least-connections', warm_margin: 5 }), ...residency },
    servers: { kind: 'ollama' },
    endpoint: { before: { priority: 100 }, after: { priority: 100 } },
    arrange: async (scene) => {
      const { first, second, gateway, t } = scene
      first.control.setModels([{ name: 'm', loaded: false }, 'only'])
      second.control.setModels([{ name: 'm', loaded: true }, 'n'])
      await knowsLoaded(scene)
      // The other one has a request more, so that only its loaded model speaks for it.
      await second.control.setFault({ kind: 'hang', times: 1 })
      const controller = new AbortController()
      t.after(() => controller.abort())
      const headers = { 'content-type': 'application/json' }
      void postChat(gateway.url, { model: 'n' }, { headers, signal: controller.signal }).catch(() => {})
      await eventually(() => second.control.requests().some(({ method }) => method === 'POST'))
    },
    see: (scene) => endpointOf(scene),
    from: 'first',
    to: 'second',
    isSteady: true,
  },
  {
    key: 'proxy.max_retries',
    before: retries({ max_retries: 0 }),
    after: retries({ max_retries: 2 }),
    arrange: answersWith(503),
    see: attempts,
    from: 1,
    to: 3,
  },
  {
    key: 'proxy.max_attempts',
    before: retries({ max_retries: 5, max_attempts: 2 }),
    after: retries({ max_retries: 5, max_attempts: 4 }),
    arrange: answersWith(503),
    see: attempts,
    from: 2,
    to: 4,
  },
  {
    key: 'proxy.retry_backoff',
    before: proxy({ max_retries: 1, retry_backoff: '60s' }),
    after: proxy({ max_retries: 1, retry_backoff: '1ms' }),
    arrange: answersWith(503),
    see: (scene) => statusOf(scene, alone),
    from: 'pending',
    to: 503,
    isSteady: true,
  },
  {
    key: 'proxy.max_retry_wait',
    before: proxy({ max_retries: 1, max_retry_wait: '60s' }),
    after: proxy({ max_retries: 1, max_retry_wait: 0 }),
    arrange: answersWith(503, { retryAfter: 30 }),
    see: (scene) => statusOf(scene, alone),
    from: 'pending',
    to: 503,
  },
  {
    key: 'proxy.outage_wait',
    before: proxy({ outage_wait: '60s' }),
    after: proxy({ outage_wait: 0 }),
    arrange: async (scene) => {
      await ask(scene, alone)
      await scene.first.control.setFault({ kind: 'refuse' })
      await act(scene, 'probe')
      await eventually(async () => (await rowOf(scene)).status === 'offline')
    },
    see: async (scene) => {
      const status = await statusOf(scene, alone)
      return status === 'pending' ? status : status >= 500
    },
    from: 'pending',
    to: true,
    isSteady: true,
  },
  {
    key: 'proxy.retry_budget.ratio',
    before: retries({ max_retries: 2, retry_budget: { ratio: 0, burst: 1 } }),
    after: retries({ max_retries: 2, retry_budget: { ratio: 10, burst: 100 } }),
    arrange: answersWith(503),
    see: async (scene) => {
      for (let request = 0; request < 4; request++) await ask(scene, alone)
      return attempts(scene)
    },
    from: 1,
    to: 3,
  },
  {
    key: 'proxy.retry_budget.burst',
    before: retries({ max_retries: 3, retry_budget: { ratio: 0, burst: 1 } }),
    after: retries({ max_retries: 3, retry_budget: { ratio: 0, burst: 200 } }),
    arrange: answersWith(503),
    see: async (scene) => {
      let most = 0
      for (let request = 0; request < 4; request++) most = Math.max(most, await attempts(scene))
      return most > 2
    },
    from: false,
    to: true,
  },
  {
    key: 'proxy.failover_statuses',
    before: proxy({ load_balancer: 'priority', failover_statuses: [503] }),
    after: proxy({ load_balancer: 'priority', failover_statuses: [418] }),
    arrange: answersWith(418),
    see: (scene) => statusOf(scene),
    from: 418,
    to: 200,
    isSteady: true,
  },
  {
    key: 'proxy.queue.max_waiting',
    before: proxy({ queue: { max_waiting: 10 } }),
    after: proxy({ queue: { max_waiting: 0 } }),
    endpoint: { before: { max_concurrent: 1 }, after: { max_concurrent: 1 } },
    servers: slowServers,
    arrange: (scene) => hold(scene, 1),
    see: (scene) => statusOf(scene, alone),
    from: 'pending',
    to: 503,
    isSteady: true,
  },
  {
    key: 'proxy.queue.max_wait',
    before: proxy({ queue: { max_wait: '60s' } }),
    after: proxy({ queue: { max_wait: '100ms' } }),
    endpoint: { before: { max_concurrent: 1 }, after: { max_concurrent: 1 } },
    servers: slowServers,
    arrange: (scene) => hold(scene, 1),
    see: (scene) => statusOf(scene, alone),
    from: 'pending',
    to: 503,
    isSteady: true,
  },
  {
    key: 'proxy.sticky_sessions.load_bound',
    before: proxy({ sticky_sessions: { enabled: true, load_bound: 0 } }),
    after: proxy({ sticky_sessions: { enabled: true, load_bound: 1.5 } }),
    servers: slowServers,
    endpoint: { before: { priority: 100 }, after: { priority: 100 } },
    see: async (scene) => {
      const session = await sessionAt(scene, 'first')
      const release = await hold(scene, 6)
      const endpoint = await endpointOfSession(scene, session)
      await release()
      return endpoint
    },
    from: 'first',
    to: 'second',
  },
]
