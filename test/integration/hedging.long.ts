import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { adminOf, bearer, callersSecret, configuredKey, storeFile } from '../support/callers.ts'
import { chatBody, type RunningGateway, startGateway } from '../support/gateway.ts'
import { jsonOf } from '../support/json-answer.ts'
import { eventually } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const event = (delta: object, reason: string | null = null) =>
  `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', model: 'm', choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`
const usage = `data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', model: 'm', choices: [], usage: { prompt_tokens: 7, completion_tokens: 1, total_tokens: 8 } })}\n\n`
const stream = `${event({ role: 'assistant', content: 'hi' })}${event({}, 'stop')}${usage}data: [DONE]\n\n`

interface Held {
  readonly endpoint: string
  readonly response: ServerResponse
  closed: boolean
}

/** Times of a model that must be known before its requests are hedged: those of the requests at the start. */
const samples = 8

/** Two endpoints that stream at once, except for requests that the test holds. */
async function start(
  t: TestContext,
  engine: string,
  { hedging = {}, ...proxy }: Readonly<Record<string, unknown>> = {},
  rest: Readonly<Record<string, Record<string, unknown>>> = {},
  headers: object = {},
) {
  const held: Held[] = []
  const served: string[] = []
  const state = { toHold: 0 }
  const serve = (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(stream)
  }
  const endpoint = async (name: string, model = 'm', more: object = {}) => {
    const server = createServer((request, response) => {
      request.resume()
      if (request.method === 'GET') {
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify({ object: 'list', data: [{ id: model }] }))
        return
      }
      request.on('end', () => {
        if (state.toHold === 0) {
          served.push(name)
          serve(response)
          return
        }
        state.toHold--
        const each = { endpoint: name, response, closed: false }
        response.on('close', () => {
          each.closed = true
        })
        held.push(each)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const url = `http://127.0.0.1:${port}`
    // Its models are always in memory; it has no Messages API.
    return { url, name, type: 'tensorrt-llm', check_interval: '60s', check_timeout: '30s', ...more }
  }
  const endpoints = [
    await endpoint('one'),
    await endpoint('two'),
    // Requests wait for its only place.
    await endpoint('full', 'n', { max_concurrent: 1 }),
  ]
  const sections = (more: object = {}) => ({
    ...rest,
    proxy: {
      ...engineOf(engine),
      load_balancer: 'round-robin',
      hedging: { enabled: true, share: 1, min_samples: samples, ...(hedging as object), ...more },
      ...proxy,
    },
  })
  const gateway = await startGateway(t, endpoints, sections())
  const reload = (more: object) => gateway.reload(endpoints, sections(more))
  for (let count = 0; count < samples; count++) assert.match(await ask(gateway, undefined, headers), /hi/)
  await idle(gateway)
  served.length = 0
  return { gateway, held, served, state, serve, reload }
}

async function request({ url }: RunningGateway, path: string, body: object, headers: object = {}) {
  return fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close', ...headers },
    body: chatBody({ max_tokens: 5, ...body }),
  })
}

async function ask(
  gateway: RunningGateway,
  path = '/v1/chat/completions',
  headers: object = {},
  body: object = { stream: true },
): Promise<string> {
  const response = await request(gateway, path, body, headers)
  return `${response.headers.get('x-olla-endpoint')} ${response.headers.get('x-olla-hedge')} ${await response.text()}`
}

type HedgeCount = 'started' | 'won' | 'lost' | 'failed' | 'cancelled'

interface Status {
  readonly hedging?: Readonly<Record<HedgeCount, number>> & {
    readonly refused: Readonly<Record<string, number>>
  }
}

interface Recent {
  readonly requests: readonly {
    readonly id: string
    readonly hedge: string | null
    readonly attempts: number
  }[]
}

interface RequestDetails {
  readonly attempts: readonly { readonly endpoint: string; readonly outcome: string }[]
  readonly timeline: readonly { readonly name: string; readonly endpoint?: string }[]
}

async function read<Body>({ url }: RunningGateway, path: string): Promise<Body> {
  return jsonOf<Body>(await fetch(`${url}/internal/${path}`))
}

async function counts(gateway: RunningGateway) {
  const { hedging } = await read<Status>(gateway, 'status')
  assert.ok(hedging !== undefined)
  const { started, won, lost, failed, cancelled, refused } = hedging
  return { started, won, lost, failed, cancelled, budget: refused.budget }
}

async function idle(gateway: RunningGateway): Promise<void> {
  await eventually(async () => (await gateway.status()).every(({ in_flight }) => in_flight === 0))
}

const none = { started: 0, won: 0, lost: 0, failed: 0, cancelled: 0, budget: 0 }

for (const engine of engines) {
  describe(`hedging with ${engine}`, () => {
    const forms: readonly (readonly [title: string, path: string, body: object, settings: object])[] = [
      ['a stream', '/v1/chat/completions', { stream: true }, {}],
      ['a translated stream', '/v1/messages', { stream: true }, {}],
      ['a whole answer assembled from a stream', '/v1/chat/completions', {}, { stream_upstream: 'always' }],
      ['a translated whole answer', '/v1/messages', {}, { stream_upstream: 'always' }],
    ]
    for (const [title, path, body, settings] of forms) {
      it(`answers ${title} from the second endpoint, and aborts the first attempt`, async (t) => {
        const { gateway, held, served, state } = await start(t, engine, { ...settings })
        const before = (await gateway.status()).reduce((sum, row) => sum + row.request_count, 0)
        state.toHold = 1
        const text = await ask(gateway, path, {}, body)
        assert.match(text, /hi/)
        const [first] = held
        assert.ok(first !== undefined && served.length === 1)
        assert.notEqual(served[0], first.endpoint)
        assert.ok(text.startsWith(`${served[0]} won `), text)
        await eventually(() => first.closed)
        await idle(gateway)
        const rows = await gateway.status()
        assert.ok(rows.every(({ breaker }) => (breaker?.state ?? 'closed') === 'closed'))
        assert.equal(
          rows.reduce((sum, row) => sum + row.request_count, 0),
          before + 1,
        )
        assert.deepEqual(await counts(gateway), { ...none, started: 1, won: 1 })
      })
    }

    it('aborts the second attempt if the first answers', async (t) => {
      const { gateway, held, state, serve } = await start(t, engine)
      state.toHold = 2
      const answer = ask(gateway)
      await eventually(() => held.length === 2)
      const [first, second] = held
      assert.ok(first !== undefined && second !== undefined)
      assert.notEqual(first.endpoint, second.endpoint)
      assert.deepEqual((await gateway.status()).filter(({ in_flight }) => in_flight === 1).length, 2)
      serve(first.response)
      assert.ok((await answer).startsWith(`${first.endpoint} lost `))
      await eventually(() => second.closed)
      await idle(gateway)
      assert.deepEqual(await counts(gateway), { ...none, started: 1, lost: 1 })
    })

    it('continues with the second attempt if the first fails', async (t) => {
      const { gateway, held, state, serve } = await start(t, engine)
      state.toHold = 2
      const answer = ask(gateway)
      await eventually(() => held.length === 2)
      const [first, second] = held
      assert.ok(first !== undefined && second !== undefined)
      first.response.writeHead(500).end('{"error":"no"}')
      await eventually(async () => {
        const rows = await gateway.status()
        return rows.find(({ name }) => name === first.endpoint)?.in_flight === 0
      })
      serve(second.response)
      assert.ok((await answer).startsWith(`${second.endpoint} won `))
      await idle(gateway)
      assert.equal(held.length, 2)
    })

    it('begins none with an exhausted budget', async (t) => {
      const { gateway, held, state, serve } = await start(t, engine, { hedging: { share: 0 } })
      state.toHold = 1
      const answer = ask(gateway)
      await eventually(() => held.length === 1)
      await eventually(async () => (await counts(gateway)).budget === 1)
      const [first] = held
      assert.ok(first !== undefined)
      serve(first.response)
      assert.match(await answer, /hi/)
      assert.deepEqual(await counts(gateway), { ...none, budget: 1 })
    })

    it('begins none while a request waits in the line, for any model', async (t) => {
      const { gateway, held, state, serve } = await start(t, engine)
      state.toHold = 1
      const other = { model: 'n', stream: true }
      const running = ask(gateway, undefined, {}, other)
      await eventually(() => held.length === 1)
      const waiting = ask(gateway, undefined, {}, other)
      await eventually(
        async () => (await read<{ requests: unknown[] }>(gateway, 'queue')).requests.length === 1,
      )
      state.toHold = 1
      const late = ask(gateway)
      await eventually(() => held.length === 2)
      await eventually(async () => (await read<Status>(gateway, 'status')).hedging?.refused.line === 1)
      for (const { response } of held) serve(response)
      for (const answer of [running, waiting, late]) assert.match(await answer, / null .*hi/s)
      assert.deepEqual(await counts(gateway), none)
    })

    it('aborts both attempts if the client leaves', async (t) => {
      const { gateway, held, state } = await start(t, engine)
      state.toHold = 2
      const abort = new AbortController()
      const left = fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        body: chatBody({ stream: true }),
        signal: abort.signal,
      })
      await eventually(() => held.length === 2)
      abort.abort()
      await assert.rejects(left)
      await eventually(() => held.every(({ closed }) => closed))
      await idle(gateway)
      await eventually(async () => (await counts(gateway)).cancelled === 1)
    })

    it('binds the session to the endpoint that answers', async (t) => {
      const { gateway, state } = await start(t, engine, { sticky_sessions: { enabled: true } })
      state.toHold = 1
      const session = { 'x-olla-session-id': 'hedged' }
      const [winner] = (await ask(gateway, undefined, session)).split(' ')
      await idle(gateway)
      for (let again = 0; again < 4; again++) {
        const [endpoint] = (await ask(gateway, undefined, session)).split(' ')
        assert.equal(endpoint, winner)
        await idle(gateway)
      }
    })

    it('counts for the limits and the usage of a caller as one request', async (t) => {
      const { key, entry } = configuredKey('ci', {
        limits: { requests_per_minute: samples + 1, max_concurrent: 1 },
      })
      const callers = { store: await storeFile(), secret: callersSecret, keys: [entry] }
      const headers = bearer(key)
      const { gateway, state } = await start(t, engine, {}, { callers }, headers)
      state.toHold = 1
      assert.match(await ask(gateway, undefined, headers), / won /)
      await idle(gateway)
      assert.match(await ask(gateway, undefined, headers), /null null .*rate/)
      const admin = adminOf(gateway.url)
      const total = async () => (await admin('GET', '/usage')).body.total as Record<string, number>
      await eventually(async () => (await total()).requests === samples + 2)
      const { ok, refused, prompt_tokens: prompts, completion_tokens: completions } = await total()
      assert.deepEqual([ok, refused, prompts, completions], [samples + 1, 1, 7 * (samples + 1), samples + 1])
    })

    it('is compatible with expected latencies, which do not learn from the aborted attempt', async (t) => {
      const { gateway, held, state } = await start(t, engine, { load_balancer: 'expected-latency' })
      state.toHold = 1
      assert.match(await ask(gateway), / won /)
      await eventually(() => held[0]?.closed === true)
      await idle(gateway)
      for (let again = 0; again < 4; again++) assert.match(await ask(gateway), /hi/)
    })

    it('shows both attempts in the request and its timeline, and the delay in explanations', async (t) => {
      const { gateway, held, served, state } = await start(t, engine)
      const explain = async () => {
        const response = await fetch(`${gateway.url}/internal/explain`, {
          method: 'POST',
          body: chatBody({}),
        })
        return ((await response.json()) as { hedging: { after_ms: number | null; samples: number } }).hedging
      }
      const { after_ms, samples: known } = await explain()
      assert.ok(after_ms !== null && after_ms > 0 && known === samples)
      state.toHold = 1
      await ask(gateway)
      await idle(gateway)
      const rows = (await read<Recent>(gateway, 'requests')).requests
      const row = rows.find(({ hedge }) => hedge !== null)
      assert.ok(row !== undefined)
      assert.deepEqual([row.hedge, row.attempts], ['won', 2])
      const { attempts, timeline } = await read<RequestDetails>(gateway, `requests/${row.id}`)
      assert.deepEqual(
        attempts.map(({ endpoint, outcome }) => [endpoint, outcome]),
        [
          [held[0]?.endpoint, 'abandoned'],
          [served[0], 'answered'],
        ],
      )
      const aborted = timeline.filter(({ name }) => name === 'attempt_aborted')
      assert.deepEqual(
        aborted.map(({ endpoint }) => endpoint),
        [held[0]?.endpoint],
      )
      const metrics = await (await fetch(`${gateway.url}/internal/metrics`)).text()
      assert.match(metrics, /^olla_hedges_total\{result="won"\} 1$/m)
      assert.match(metrics, /^olla_hedge_prompt_tokens_total 7$/m)
    })

    it('can be switched off while it runs', async (t) => {
      const { gateway, held, state, serve, reload } = await start(t, engine)
      const view = await reload({ enabled: false })
      assert.deepEqual(view.needs_restart, [])
      state.toHold = 1
      const answer = ask(gateway)
      await eventually(() => held.length === 1)
      assert.equal((await read<Status>(gateway, 'status')).hedging, undefined)
      const [first] = held
      assert.ok(first !== undefined)
      serve(first.response)
      assert.ok((await answer).startsWith(`${first.endpoint} null `))
    })
  })
}
