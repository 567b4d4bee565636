import { setTimeout } from 'node:timers/promises'
import { callersSecret, configuredKey } from '../../support/callers.ts'
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

const alone = { model: 'only' }
const key = (name: string) => `discovery.static.endpoints[].${name}`
const priority = { proxy: { load_balancer: 'priority' } }
const oneAttempt = { proxy: { max_retries: 0, outage_wait: 0 } }

const lastPost = ({ first }: Scene) => first.control.requests().findLast(({ method }) => method === 'POST')

/** What the first endpoint gets with a request. */
const sent =
  (read: (request: NonNullable<ReturnType<typeof lastPost>>) => unknown) =>
  async (scene: Scene): Promise<unknown> => {
    await ask(scene, alone)
    const request = lastPost(scene)
    return request === undefined ? undefined : read(request)
  }

/** The status of a request for the model that only the first endpoint has. */
async function statusAt({ gateway }: Scene, path: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close', ...headers },
    body: JSON.stringify({ ...alone, messages: [{ role: 'user', content: 'hi' }] }),
  })
  await response.arrayBuffer()
  return response.status
}

const ofLab = configuredKey('of-lab', {
  policy: { endpoints: { include: ['nothing-else'] }, endpoint_tags: ['lab'] },
})

const withPath =
  (isPreserved: boolean) =>
  ({ first }: Pick<Scene, 'first'>) => ({
    url: `${first.url}/base`,
    health_check_url: `${first.url}/v1/models`,
    model_url: `${first.url}/v1/models`,
    preserve_path: isPreserved,
  })

async function hangs({ first }: Scene) {
  await first.control.setFault({ kind: 'hang' })
}

const timeout = (name: string, rest: Partial<LiveCase> = {}): LiveCase => ({
  key: key(`timeouts.${name}`),
  before: oneAttempt,
  after: oneAttempt,
  endpoint: { after: { timeouts: { [name]: '200ms' } } },
  arrange: hangs,
  see: (scene) => statusOf(scene, alone),
  from: 'pending',
  to: 504,
  isSteady: true,
  ...rest,
})

export const endpointCases: readonly LiveCase[] = [
  {
    key: key('name'),
    endpoint: { after: { name: 'renamed' } },
    see: (scene) => endpointOf(scene, alone),
    from: 'first',
    to: 'renamed',
    isSteady: true,
  },
  {
    key: key('type'),
    endpoint: { after: { type: 'vllm' } },
    see: (scene) => statusAt(scene, '/olla/vllm/v1/chat/completions'),
    from: 404,
    to: 200,
    isSteady: true,
  },
  {
    key: key('tags'),
    before: { callers: { secret: callersSecret, keys: [ofLab.entry] } },
    endpoint: { after: { tags: ['lab'] } },
    see: (scene) => statusAt(scene, '/v1/chat/completions', { authorization: `Bearer ${ofLab.key}` }),
    from: 403,
    to: 200,
    isSteady: true,
  },
  {
    key: key('priority'),
    before: priority,
    after: priority,
    endpoint: { after: { priority: 1 } },
    see: (scene) => endpointOf(scene),
    from: 'first',
    to: 'second',
    isSteady: true,
  },
  {
    key: key('weight'),
    before: { proxy: { load_balancer: 'round-robin' } },
    after: { proxy: { load_balancer: 'round-robin' } },
    endpoint: { before: { priority: 100 }, after: { priority: 100, weight: 1000 } },
    see: async (scene) => {
      let others = 0
      for (let request = 0; request < 30; request++) if ((await endpointOf(scene)) === 'second') others++
      return others > 5
    },
    from: true,
    to: false,
  },
  {
    key: key('max_concurrent'),
    before: { proxy: { queue: { max_waiting: 0 } } },
    after: { proxy: { queue: { max_waiting: 0 } } },
    endpoint: { after: { max_concurrent: 1 } },
    servers: { timeToFirstTokenMs: 300 },
    see: async (scene) => {
      const statuses = await Promise.all(Array.from({ length: 4 }, () => ask(scene, alone)))
      return statuses.some(({ status }) => status === 503)
    },
    from: false,
    to: true,
  },
  {
    key: key('health_check_url'),
    endpoint: { after: { health_check_url: '/elsewhere' } },
    see: async (scene) => {
      await act(scene, 'probe')
      return requestsOf(scene, 'GET', '/elsewhere').length > 0
    },
    from: false,
    to: true,
    isSteady: true,
  },
  {
    key: key('model_url'),
    endpoint: { after: { model_url: '/other-models' } },
    see: async (scene) => {
      await act(scene, 'refresh')
      return requestsOf(scene, 'GET', '/other-models').length > 0
    },
    from: false,
    to: true,
    isSteady: true,
  },
  {
    key: key('check_interval'),
    before: { discovery: { health: { jitter: 0 } } },
    after: { discovery: { health: { jitter: 0 } } },
    endpoint: {
      before: { check_interval: '1h', check_timeout: '900ms' },
      after: { check_interval: '1s', check_timeout: '900ms' },
    },
    see: async (scene) => {
      const probes = () => scene.first.control.requests().filter(({ method }) => method === 'GET').length
      const before = probes()
      const deadlineMs = performance.now() + scene.patienceMs
      while (probes() - before < 2 && performance.now() < deadlineMs) await setTimeout(50)
      return probes() - before >= 2
    },
    from: false,
    to: true,
  },
  {
    key: key('check_timeout'),
    endpoint: {
      before: { check_interval: '1h', check_timeout: '30s' },
      after: { check_interval: '1h', check_timeout: '100ms' },
    },
    arrange: ({ first }) => first.control.setFault({ kind: 'hang', path: '/' }),
    see: (scene) => soon(scene, async () => typeof (await act(scene, 'probe')).status),
    from: 'pending',
    to: 'string',
  },
  {
    key: key('unhealthy_threshold'),
    endpoint: {
      before: { check_interval: '1h', unhealthy_threshold: 50 },
      after: { check_interval: '1h', unhealthy_threshold: 1 },
    },
    arrange: ({ first }) => first.control.setFault({ kind: 'status', status: 500, path: '/' }),
    see: async (scene) => {
      await act(scene, 'probe')
      return (await act(scene, 'probe')).status === 'unhealthy'
    },
    from: false,
    to: true,
  },
  {
    key: key('model_filter.include'),
    endpoint: { after: { model_filter: { include: ['m'] } } },
    see: (scene) => statusOf(scene, alone),
    from: 200,
    to: 404,
    isSteady: true,
  },
  {
    key: key('model_filter.exclude'),
    endpoint: { after: { model_filter: { exclude: ['only'] } } },
    see: (scene) => statusOf(scene, alone),
    from: 200,
    to: 404,
    isSteady: true,
  },
  {
    key: key('auth'),
    endpoint: { after: { auth: { type: 'bearer', token: 'a-token' } } },
    see: sent((request) => request.header('authorization')),
    from: undefined,
    to: 'Bearer a-token',
    isSteady: true,
  },
  {
    key: key('headers'),
    endpoint: { after: { headers: { 'x-site': 'lab' } } },
    see: sent((request) => request.header('x-site')),
    from: undefined,
    to: 'lab',
    isSteady: true,
  },
  {
    key: key('circuit_breaker'),
    before: { proxy: { max_retries: 0, circuit_breaker: { failure_threshold: 50 } } },
    after: { proxy: { max_retries: 0, circuit_breaker: { failure_threshold: 50 } } },
    endpoint: { after: { circuit_breaker: { failure_threshold: 2 } } },
    arrange: ({ first }) => first.control.setFault({ kind: 'status', status: 500 }),
    see: async (scene) => {
      for (let request = 0; request < 3; request++) await ask(scene, alone)
      const { breaker, models_out: models = [] } = await rowOf(scene)
      return breaker.state === 'open' || models.length > 0 ? 'open' : 'closed'
    },
    from: 'closed',
    to: 'open',
  },
  {
    key: key('url'),
    before: priority,
    after: priority,
    endpoint: { after: ({ second }) => ({ url: second.url }) },
    see: async (scene) => {
      await endpointOf(scene)
      return scene.second.control.requests().some(({ method }) => method === 'POST')
    },
    from: false,
    to: true,
    isSteady: true,
  },
  {
    key: key('preserve_path'),
    endpoint: { before: withPath(false), after: withPath(true) },
    see: async (scene) => {
      await ask(scene, alone)
      return requestsOf(scene, 'POST', '/base/v1/chat/completions').length > 0
    },
    from: false,
    to: true,
    isSteady: true,
  },
  {
    key: key('signals'),
    before: { discovery: { signals: { interval: '1s' } } },
    endpoint: { before: { signals: [] }, after: { signals: [{ path: '/load', running: ['n'] }] } },
    see: async (scene) => {
      const deadlineMs = performance.now() + scene.patienceMs
      const asked = () => requestsOf(scene, 'GET', '/load').length > 0
      while (!asked() && performance.now() < deadlineMs) await setTimeout(50)
      return asked()
    },
    from: false,
    to: true,
  },
  timeout('first_byte'),
  timeout('total'),
  timeout('idle', {
    servers: { tokensPerSecond: 1 },
    arrange: async () => {},
    see: (scene) =>
      soon(scene, async (signal) => {
        const { text } = await ask(scene, { ...alone, stream: true, max_tokens: 50 }, { signal }).catch(
          () => ({ text: '' }),
        )
        return !text.includes('[DONE]')
      }),
    to: true,
  }),
]
