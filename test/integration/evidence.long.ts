import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { type EndpointInput, startGateway, testThreads } from '../support/gateway.ts'
import { type ScriptedEndpoint, startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { engineOf, engines } from './engines.ts'

interface Row {
  readonly status: string
  readonly issues?: string
  readonly breaker: { readonly state: string }
  readonly models_out?: readonly { readonly model: string }[]
}

const good = { body: { choices: [{ message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }] } }
const failed = (status: number, message = 'x') => ({ status, body: { error: { message } } })

for (const engine of engines) {
  describe(`evidence with ${engine}`, () => {
    async function start(
      t: TestContext,
      upstreams: readonly ScriptedEndpoint[],
      proxy: Readonly<Record<string, unknown>> = {},
    ) {
      const endpoints = upstreams.map(
        ({ url }, at): EndpointInput => ({ url, name: `e${at}`, type: 'openai-compatible' }),
      )
      const { url } = await startGateway(t, endpoints, {
        proxy: { ...engineOf(engine), max_retries: 0, ...proxy },
      })
      const ask = async (model: string, content = 'hi', path = '/v1/chat/completions') => {
        const response = await fetch(`${url}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ model, messages: [{ role: 'user', content }] }),
        })
        await response.arrayBuffer()
        return response
      }
      const times = async (count: number, request: () => Promise<Response>) => {
        const statuses = new Map<number, number>()
        for (let at = 0; at < count; at++) {
          const { status } = await request()
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
        }
        return Object.fromEntries(statuses)
      }
      const rows = async () => {
        const response = await fetch(`${url}/internal/status/endpoints`)
        return ((await response.json()) as { endpoints: Row[] }).endpoints
      }
      return { ask, times, rows }
    }

    for (const [name, answer] of [
      ['500', failed(500, 'model requires more system memory')],
      ['503', failed(503)],
      ['429 with a long Retry-After', { ...failed(429), headers: { 'retry-after': '3000' } }],
      ['reset', 'reset'],
      ['an error inside a 200', { body: { error: { message: 'x' } } }],
      ['a page', { headers: { 'content-type': 'text/html' }, body: '<html>login</html>' }],
    ] as const) {
      it(`does not affect an endpoint's other models if one is broken: ${name}`, async (t) => {
        const upstream = await startScriptedEndpoint(t, ['good', 'broken'], ({ body }) =>
          body.model === 'broken' ? answer : good,
        )
        const { ask, times, rows } = await start(t, [upstream])
        for (let at = 0; at < 8; at++) assert.ok((await ask('broken')).status >= 400)
        assert.deepEqual(await times(10, () => ask('good')), { 200: 10 })
        const [row] = await rows()
        assert.deepEqual([row?.status, row?.breaker.state], ['healthy', 'closed'])
        assert.deepEqual(
          row?.models_out?.map(({ model }) => model),
          ['broken'],
        )
      })
    }

    for (const [name, answer] of [
      ['an image for a text model, told with 500', failed(500, 'image input is not supported')],
      [
        'a prompt that is too long, told with 500',
        failed(500, 'the request exceeds the available context size'),
      ],
      ['what the server was not started for, 501', failed(501, 'This server does not support embeddings')],
      ['400', failed(400)],
      ['404', failed(404)],
      ['422', failed(422)],
    ] as const) {
      it(`does not penalize endpoints for a client's mistake: ${name}`, async (t) => {
        const upstream = await startScriptedEndpoint(t, ['m'], ({ body }) =>
          JSON.stringify(body).includes('mistake') ? answer : good,
        )
        const { ask, times, rows } = await start(t, [upstream])
        for (let at = 0; at < 8; at++) {
          const path = answer.status === 501 ? '/v1/embeddings' : '/v1/chat/completions'
          const { status } = await ask('m', 'mistake', path)
          // A full context and a missing path may be told with the status that they should have had.
          assert.ok(status >= 400, String(status))
        }
        const [row] = await rows()
        assert.deepEqual([row?.breaker.state, row?.models_out], ['closed', undefined])
        assert.deepEqual(await times(3, () => ask('m')), { 200: 3 })
      })
    }

    for (const [name, answer, most] of [
      ['500', failed(500), 3],
      ['502', failed(502), 3],
      ['503', failed(503), 3],
      ['a reset', 'reset', 3],
    ] as const) {
      it(`opens no circuit for a request that fails everywhere: ${name}`, async (t) => {
        const upstreams = []
        for (let at = 0; at < 3; at++) {
          upstreams.push(
            await startScriptedEndpoint(t, ['m'], ({ body }) =>
              // Each on a connection of its own: the end of a kept one is another kind of failure.
              JSON.stringify(body).includes('poison')
                ? answer
                : { ...good, headers: { connection: 'close' } },
            ),
          )
        }
        const { ask, rows } = await start(t, upstreams, { retry_budget: { ratio: 10, burst: 1000 } })
        for (let at = 0; at < 15; at++) {
          const poisoned = await ask('m', 'poison')
          assert.ok(poisoned.status >= 500)
          assert.ok(Number(poisoned.headers.get('x-olla-attempts')) <= most)
          for (const { calls } of upstreams) assert.ok(calls.splice(0).length <= 3, 'not repeated')
          if (at % 3 === 0) assert.equal((await ask('m')).status, 200)
        }
        assert.deepEqual(
          (await rows()).map(({ breaker, models_out }) => [breaker.state, models_out]),
          Array.from({ length: 3 }, () => ['closed', undefined]),
        )
      })
    }

    it('opens the circuit of an endpoint if another one serves the request', async (t) => {
      const dead = await startScriptedEndpoint(t, ['m'], () => failed(500, 'EngineDeadError'))
      const well = await startScriptedEndpoint(t, ['m'], () => good)
      const { ask, times, rows } = await start(t, [dead, well], { load_balancer: 'round-robin' })
      // Recent failures lower the weight of the dead one, so that its turns become rare.
      for (let at = 0; at < 300 && dead.calls.length < 5; at++) {
        assert.deepEqual(await times(1, () => ask('m')), { 200: 1 })
      }
      assert.deepEqual(
        (await rows()).map(({ breaker, issues }) => [breaker.state, issues]),
        [
          ['open', 'circuit open'],
          ['closed', undefined],
        ],
      )
      assert.equal(dead.calls.length, 5)
    })

    it('tries at most six endpoints per request', async (t) => {
      const upstreams = []
      for (let at = 0; at < 8; at++) upstreams.push(await startScriptedEndpoint(t, ['m'], () => failed(500)))
      const { ask } = await start(t, upstreams)
      const response = await ask('m')
      assert.deepEqual([response.status, response.headers.get('x-olla-attempts')], [500, '6'])
    })

    it('uses the last endpoint as soon as it recovers, although its circuit is open', async (t) => {
      let isWell = false
      const upstream = await startScriptedEndpoint(t, ['m'], () => (isWell ? good : failed(500)))
      const { ask, times, rows } = await start(t, [upstream])
      assert.deepEqual(await times(8, () => ask('m')), { 500: 8 })
      assert.equal((await rows())[0]?.breaker.state, 'open')
      isWell = true
      assert.deepEqual(await times(10, () => ask('m')), { 200: 10 })
      assert.equal((await rows())[0]?.breaker.state, 'closed')
    })

    it('pauses only the limited model, and holds no request for a long pause', async (t) => {
      const upstream = await startScriptedEndpoint(t, ['limited', 'free'], ({ body }) =>
        body.model === 'limited' ? { ...failed(429), headers: { 'retry-after': '20' } } : good,
      )
      const { ask, times, rows } = await start(t, [upstream])
      assert.equal((await ask('limited')).status, 429)
      assert.deepEqual(await times(5, () => ask('free')), { 200: 5 })
      assert.equal((await rows())[0]?.status, 'healthy')
      const refused = await ask('limited')
      assert.ok(refused.status === 503 || refused.status === 429)
      assert.ok(Number(refused.headers.get('retry-after')) > 10)
      assert.equal(upstream.calls.filter(({ body }) => body.model === 'limited').length, 1)
    })

    it('shows an endpoint with one model as rate-limited as a whole', {
      skip: testThreads > 1,
    }, async (t) => {
      const upstream = await startScriptedEndpoint(t, ['m'], () => ({
        ...failed(429),
        headers: { 'retry-after': '20' },
      }))
      const { ask, rows } = await start(t, [upstream])
      assert.equal((await ask('m')).status, 429)
      assert.equal((await rows())[0]?.status, 'rate_limited')
    })
  })
}
