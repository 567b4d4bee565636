import { callersSecret, configuredKey } from '../../support/callers.ts'
import { ask, endpointOf, type LiveCase, read, type Scene, soon, statusOf } from './live-case.ts'

const limits = (settings: Record<string, unknown>) => ({
  server: {
    rate_limits: {
      per_ip_requests_per_minute: 60_000,
      burst_size: 10_000,
      global_requests_per_minute: 60_000,
      global_burst_size: 10_000,
      health_requests_per_minute: 0,
      ...settings,
    },
  },
})

/** Whether one of several requests in a row is refused. */
const isLimited =
  (path?: string) =>
  async (scene: Scene): Promise<boolean> => {
    for (let request = 0; request < 12; request++) {
      const status =
        path === undefined
          ? (await ask(scene)).status
          : (await fetch(`${scene.gateway.url}${path}`, { headers: { connection: 'close' } })).status
      if (status === 429) return true
    }
    return false
  }

const routing = (strategy: Record<string, unknown>) => ({
  model_registry: { routing_strategy: strategy },
})

const token = (text: string) => ({
  dashboard: { admin_token: text, access_policy: { allowed_cidrs: [] } },
})

const withToken = (text: string) => async (scene: Scene) => {
  const headers = { authorization: `Bearer ${text}`, connection: 'close' }
  return (await fetch(`${scene.gateway.url}/internal/config`, { headers })).status
}

/** The status of an internal route for a browser that names a host. */
async function asHost({ gateway }: Scene, host: string, path: string): Promise<number> {
  const { request } = await import('node:http')
  return new Promise((resolve, reject) => {
    request(`${gateway.url}${path}`, { headers: { host, connection: 'close' }, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
      .on('error', reject)
      .end()
  })
}

const one = configuredKey('one', { team: 'a-team', owner: 'an-owner' })
const priced = configuredKey('priced', {
  limits: { budgets: [{ amount: 1, unit: 'money', period: 'ever' }] },
})
const callers = (settings: Record<string, unknown>) => ({
  callers: {
    secret: callersSecret,
    keys: [one.entry, priced.entry],
    teams: [{ name: 'a-team' }],
    owners: [{ name: 'an-owner' }],
    ...settings,
  },
})
const asKey = (key: string) => async (scene: Scene) =>
  (await ask(scene, {}, { headers: { authorization: `Bearer ${key}` } })).status

export const otherCases: readonly LiveCase[] = [
  {
    key: 'model_aliases',
    after: { model_aliases: { nick: ['m'] } },
    see: (scene) => statusOf(scene, { model: 'nick' }),
    from: 404,
    to: 200,
    isSteady: true,
  },
  {
    key: 'model_fallbacks',
    after: { model_fallbacks: { gone: ['m'] } },
    see: (scene) => statusOf(scene, { model: 'gone' }),
    from: 404,
    to: 200,
    isSteady: true,
  },
  {
    key: 'model_filter.include',
    after: { model_filter: { include: ['n'] } },
    see: (scene) => statusOf(scene, { model: 'm' }),
    from: 200,
    to: 404,
    isSteady: true,
  },
  {
    key: 'model_filter.exclude',
    after: { model_filter: { exclude: ['m'] } },
    see: (scene) => statusOf(scene, { model: 'm' }),
    from: 200,
    to: 404,
    isSteady: true,
  },
  {
    key: 'model_registry.routing_strategy.type',
    before: routing({ type: 'strict', options: { fallback_behavior: 'all' } }),
    after: routing({ type: 'optimistic', options: { fallback_behavior: 'all' } }),
    see: (scene) => endpointOf(scene, { model: 'unknown' }),
    from: null,
    to: 'first',
    isSteady: true,
  },
  {
    key: 'model_registry.routing_strategy.options.fallback_behavior',
    before: routing({ type: 'optimistic', options: { fallback_behavior: 'none' } }),
    after: routing({ type: 'optimistic', options: { fallback_behavior: 'all' } }),
    see: (scene) => endpointOf(scene, { model: 'unknown' }),
    from: null,
    to: 'first',
    isSteady: true,
  },
  {
    key: 'model_registry.routing_strategy.options.discovery_refresh_on_miss',
    before: routing({ type: 'discovery', options: { discovery_refresh_on_miss: false } }),
    after: routing({ type: 'discovery', options: { discovery_refresh_on_miss: true } }),
    see: async (scene) => {
      const lists = () => scene.first.control.requests().filter(({ path }) => path === '/v1/models').length
      const before = lists()
      for (let request = 0; request < 4; request++) await ask(scene, { model: `new-${before}-${request}` })
      return lists() - before > 2
    },
    from: false,
    to: true,
  },
  {
    key: 'model_registry.routing_strategy.options.discovery_timeout',
    before: routing({
      type: 'discovery',
      options: { discovery_refresh_on_miss: true, discovery_timeout: '60s' },
    }),
    after: routing({
      type: 'discovery',
      options: { discovery_refresh_on_miss: true, discovery_timeout: '50ms' },
    }),
    arrange: ({ first }) => first.control.setFault({ kind: 'hang', path: '/v1/models' }),
    see: (scene) =>
      soon(scene, async (signal) => (await ask(scene, { model: 'unknown' }, { signal })).status >= 400),
    from: 'pending',
    to: true,
    isSteady: true,
  },
  {
    key: 'server.rate_limits.global_requests_per_minute',
    before: limits({ global_burst_size: 0 }),
    after: limits({ global_burst_size: 0, global_requests_per_minute: 3 }),
    see: isLimited(),
    from: false,
    to: true,
  },
  {
    key: 'server.rate_limits.global_burst_size',
    before: limits({ global_requests_per_minute: 60 }),
    after: limits({ global_requests_per_minute: 60, global_burst_size: 2 }),
    see: isLimited(),
    from: false,
    to: true,
  },
  {
    key: 'server.rate_limits.per_ip_requests_per_minute',
    before: limits({ burst_size: 2 }),
    after: limits({ burst_size: 2, per_ip_requests_per_minute: 1 }),
    see: isLimited(),
    from: false,
    to: true,
  },
  {
    key: 'server.rate_limits.burst_size',
    before: limits({ per_ip_requests_per_minute: 60 }),
    after: limits({ per_ip_requests_per_minute: 60, burst_size: 2 }),
    see: isLimited(),
    from: false,
    to: true,
  },
  {
    key: 'server.rate_limits.health_requests_per_minute',
    before: limits({ burst_size: 100, health_requests_per_minute: 600_000 }),
    after: limits({ burst_size: 100, health_requests_per_minute: 1 }),
    see: async (scene) => {
      for (let round = 0; round < 12; round++) if (await isLimited('/version')(scene)) return true
      return false
    },
    from: false,
    to: true,
  },
  {
    key: 'server.allowed_hosts',
    after: { server: { allowed_hosts: ['models.example'] } },
    see: (scene) => asHost(scene, 'models.example', '/v1/models'),
    from: 403,
    to: 200,
    isSteady: true,
  },
  {
    key: 'dashboard.access_policy.allowed_hosts',
    after: { dashboard: { access_policy: { allowed_hosts: ['localhost', 'models.example'] } } },
    see: (scene) => asHost(scene, 'models.example', '/internal/config'),
    from: 403,
    to: 200,
    isSteady: true,
  },
  {
    key: 'dashboard.access_policy.allowed_cidrs',
    before: { dashboard: { admin_token: 'a-token-of-this-test' } },
    after: {
      dashboard: { admin_token: 'a-token-of-this-test', access_policy: { allowed_cidrs: ['192.0.2.0/24'] } },
    },
    see: async ({ gateway }) =>
      (await fetch(`${gateway.url}/internal/config`, { headers: { connection: 'close' } })).status,
    from: 200,
    to: 401,
    isSteady: true,
  },
  {
    key: 'dashboard.admin_token',
    before: token('the-first-admin-token'),
    after: token('the-second-admin-token'),
    see: withToken('the-second-admin-token'),
    from: 401,
    to: 200,
    isSteady: true,
  },
  {
    key: 'callers.keys',
    before: callers({ keys: [priced.entry] }),
    after: callers({}),
    see: asKey(one.key),
    from: 401,
    to: 200,
    isSteady: true,
  },
  {
    key: 'callers.teams',
    before: callers({}),
    after: callers({ teams: [{ name: 'a-team', policy: { models: { include: ['n'] } } }] }),
    see: asKey(one.key),
    from: 200,
    to: 403,
    isSteady: true,
  },
  {
    key: 'callers.owners',
    before: callers({}),
    after: callers({ owners: [{ name: 'an-owner', limits: { requests_per_minute: 1 } }] }),
    see: async (scene) => {
      const statuses = new Set<number>()
      for (let request = 0; request < 6; request++) statuses.add(await asKey(one.key)(scene))
      return statuses.has(429)
    },
    from: false,
    to: true,
  },
  {
    key: 'callers.prices',
    before: callers({}),
    after: callers({ prices: [{ models: ['*'] }] }),
    see: async (scene) => (await asKey(priced.key)(scene)) === 200,
    from: false,
    to: true,
    isSteady: true,
  },
  {
    key: 'logging.level',
    before: { logging: { level: 'info' } },
    after: { logging: { level: 'debug' } },
    see: async (scene) => (await read<{ level: string }>(scene, '/internal/admin/log-level')).level,
    from: 'info',
    to: 'debug',
    isSteady: true,
  },
]
