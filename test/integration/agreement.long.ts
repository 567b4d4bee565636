import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { postChat, type RunningGateway, startGateway, testThreads } from '../support/gateway.ts'
import { type ScriptedEndpoint, startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const good = { body: { choices: [{ message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }] } }
const broken = { status: 500, body: { error: 'out of memory' } }
const limited = { status: 429, headers: { 'retry-after': '60' }, body: { error: 'limit' } }

/** What each part says of a request for the model `m`. */
interface Conclusions {
  /** Status of `/internal/ready`, and why. */
  readonly ready: readonly [number, string]
  readonly listed: boolean
  /** Decision and endpoint in an explanation. */
  readonly explained: readonly [string, string | null]
  /** The status of the endpoint. */
  readonly status: string
  readonly circuit: string
  /** Status of the request, its decision in the headers, and its endpoint. */
  readonly answered: readonly [number, string | null, string | null]
}

async function conclusions({ url, status }: RunningGateway): Promise<Conclusions> {
  const json = async (path: string, init?: RequestInit) => (await fetch(`${url}${path}`, init)).json()
  const ready = await fetch(`${url}/internal/ready`)
  const list = (await json('/v1/models')) as { data: { id: string }[] }
  const explained = (await json('/internal/explain', {
    method: 'POST',
    body: JSON.stringify({ model: 'm', messages: [] }),
  })) as { decision: string; chosen: string | null }
  const [row] = await status()
  const answer = await postChat(url, { model: 'm', messages: [] })
  await answer.arrayBuffer()
  return {
    ready: [ready.status, ((await ready.json()) as { reason: string }).reason],
    listed: list.data.some(({ id }) => id === 'm'),
    explained: [explained.decision, explained.chosen],
    status: row?.status ?? '',
    circuit: row?.breaker?.state ?? '',
    answered: [
      answer.status,
      answer.headers.get('x-olla-routing-decision'),
      answer.headers.get('x-olla-endpoint'),
    ],
  }
}

interface State {
  readonly endpoint?: Readonly<Record<string, unknown>>
  readonly sections?: Parameters<typeof startGateway>[2]
  /** Before the gateway starts. */
  readonly from?: (endpoint: ScriptedEndpoint) => void
  /** Leads to the state. */
  readonly to?: (endpoint: ScriptedEndpoint, gateway: RunningGateway) => Promise<void>
  readonly expected: Conclusions
}

const despiteProbes = [200, 'serving, although the probes of all endpoints fail'] as const
const served: Conclusions = {
  ready: [200, 'serving'],
  listed: true,
  explained: ['routed', 'e'],
  status: 'healthy',
  circuit: 'closed',
  answered: [200, 'routed', 'e'],
}
/** The endpoint is asked, and no answer is expected. */
const tried: Conclusions = {
  ...served,
  ready: [503, 'no endpoint is routable'],
  listed: false,
  status: 'unhealthy',
  answered: [503, 'routed', 'e'],
}
const turnedAway: Conclusions = {
  ...served,
  explained: ['rejected', null],
  answered: [503, 'rejected', null],
}

async function ask({ url }: RunningGateway, model: string, times = 1): Promise<void> {
  for (let at = 0; at < times; at++) await (await postChat(url, { model, messages: [] })).arrayBuffer()
}

/** Asks while the endpoint answers in this way; afterwards it answers well. */
async function whileItAnswers(
  endpoint: ScriptedEndpoint,
  answer: ReturnType<ScriptedEndpoint['answer']>,
  asks: () => Promise<void>,
): Promise<void> {
  endpoint.answer = () => answer
  await asks()
  endpoint.answer = () => good
}

const reaches = (gateway: RunningGateway, status: string) =>
  eventually(async () => (await gateway.status())[0]?.status === status)

/** From now on the health route answers so. */
const probed =
  (health: ReturnType<ScriptedEndpoint['health']>, status: string): NonNullable<State['to']> =>
  async (endpoint, gateway) => {
    endpoint.health = () => health
    await reaches(gateway, status)
  }

const states: Readonly<Record<string, State>> = {
  'not probed yet': {
    endpoint: { check_interval: '20s', check_timeout: '10s' },
    from: (endpoint) => {
      endpoint.health = () => 'silent'
    },
    expected: { ...turnedAway, ready: [503, 'no endpoint is routable'], listed: false, status: 'unknown' },
  },
  loading: {
    from: (endpoint) => {
      endpoint.health = () => ({ status: 503 })
      endpoint.answer = () => ({ status: 503, body: { error: 'loading' } })
    },
    to: (_endpoint, gateway) => reaches(gateway, 'unhealthy'),
    expected: tried,
  },
  healthy: { expected: served },
  busy: {
    sections: { discovery: { health: { busy_threshold: '1ns' } } },
    expected: { ...served, status: 'busy' },
  },
  warming: {
    sections: { discovery: { health: { slow_start: '60s' } } },
    async to(endpoint, gateway) {
      await probed({ status: 500 }, 'unhealthy')(endpoint, gateway)
      await probed({ body: 'ok' }, 'warming')(endpoint, gateway)
    },
    expected: { ...served, status: 'warming' },
  },
  'probes that are not answered any more': {
    endpoint: { unhealthy_threshold: 1 },
    to: probed('silent', 'offline'),
    expected: { ...served, ready: despiteProbes, status: 'offline' },
  },
  'probes that are cut': {
    to: probed('reset', 'offline'),
    expected: { ...served, ready: despiteProbes, status: 'offline' },
  },
  'a health route that is gone': {
    to: probed({ status: 404 }, 'unhealthy'),
    expected: { ...served, ready: despiteProbes, status: 'unhealthy' },
  },
  'a health route that never was': {
    from: (endpoint) => {
      endpoint.health = () => ({ status: 404 })
    },
    to: (_endpoint, { url }) => eventually(async () => (await fetch(`${url}/internal/ready`)).ok),
    expected: { ...served, ready: despiteProbes, status: 'unhealthy' },
  },
  'a server that loads again': {
    async to(endpoint, gateway) {
      endpoint.answer = () => ({ status: 503, body: { error: 'loading' } })
      await probed({ status: 503 }, 'unhealthy')(endpoint, gateway)
    },
    expected: tried,
  },
  'a server that has ended': {
    async to(endpoint, gateway) {
      endpoint.close()
      await reaches(gateway, 'offline')
    },
    expected: { ...tried, status: 'offline', answered: [502, 'routed', null] },
  },
  'an open circuit of the model': {
    to: (endpoint, gateway) => whileItAnswers(endpoint, broken, () => ask(gateway, 'm', 6)),
    expected: served,
  },
  'an open circuit of the endpoint': {
    to: (endpoint, gateway) =>
      whileItAnswers(endpoint, 'reset', async () => {
        await ask(gateway, 'm', 6)
        await ask(gateway, 'n', 6)
      }),
    expected: { ...served, circuit: 'open' },
  },
  'a pause of the model': {
    to: (endpoint, gateway) => whileItAnswers(endpoint, limited, () => ask(gateway, 'm')),
    expected: turnedAway,
  },
  'a pause of the endpoint': {
    to: (endpoint, gateway) =>
      whileItAnswers(endpoint, limited, async () => {
        await ask(gateway, 'm')
        await ask(gateway, 'n')
      }),
    expected: {
      ...turnedAway,
      ready: [503, 'no endpoint is routable'],
      listed: false,
      status: 'rate_limited',
    },
  },
  'all places taken': {
    endpoint: { max_concurrent: 1 },
    sections: { proxy: { queue: { max_waiting: 0 } } },
    async to(endpoint, { url }) {
      endpoint.answer = () => 'silent'
      postChat(url, { model: 'm', messages: [] }).catch(() => {})
      await eventually(async () => endpoint.calls.length === 1)
    },
    expected: { ...served, explained: ['routed', null], answered: [503, 'routed', null] },
  },
}

for (const engine of engines) {
  describe(`routing, explain and status agree on a request (${engine})`, {
    concurrency: testThreads === 1 ? 4 : 1,
  }, () => {
    for (const [title, { endpoint, sections, from, to, expected }] of Object.entries(states)) {
      it(title, async (t) => {
        const upstream = await startScriptedEndpoint(t, ['m', 'n'], () => good)
        from?.(upstream)
        const gateway = await startGateway(
          t,
          [
            {
              url: upstream.url,
              name: 'e',
              health_check_url: '/health',
              check_interval: '1s',
              check_timeout: '900ms',
              ...endpoint,
            },
          ],
          { ...sections, proxy: { ...engineOf(engine), outage_wait: '1s', ...sections?.proxy } },
          from === undefined ? {} : { awaitRoutable: 0 },
        )
        await to?.(upstream, gateway)
        assert.deepEqual(await conclusions(gateway), expected)
      })
    }
  })
}
