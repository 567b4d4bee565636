import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { adminOf, bearer, callersSecret, configuredKey, storeFile } from '../support/callers.ts'
import { startGateway } from '../support/gateway.ts'
import { type ScriptedEndpoint, startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

type Total = Record<string, number>
type Answer = ScriptedEndpoint['answer']

async function start(t: TestContext, engine: string, answer: Answer, callers: Record<string, unknown> = {}) {
  // It has chat completions only, so that the other APIs are translated.
  const endpoint = await startScriptedEndpoint(t, ['m'], (call) =>
    call.path === '/v1/chat/completions' ? answer(call) : { status: 404, body: { error: 'not found' } },
  )
  const { key, entry } = configuredKey('ci')
  const gateway = await startGateway(t, [{ url: endpoint.url, name: 'gpu', type: 'lmdeploy' }], {
    proxy: engineOf(engine),
    callers: {
      store: await storeFile(),
      secret: callersSecret,
      keys: [entry],
      prices: [{ models: ['m'], input: 10, cached_input: 1, output: 20 }],
      ...callers,
    },
  })
  const ask = async (path: string, body: Record<string, unknown>, method = 'POST') => {
    const response = await fetch(`${gateway.url}${path}`, {
      method,
      headers: { ...bearer(key), 'anthropic-version': '2023-06-01' },
      ...(method === 'GET' ? {} : { body: JSON.stringify({ model: 'm', max_tokens: 50, ...body }) }),
    })
    return { status: response.status, text: await response.text() }
  }
  const total = async () => (await adminOf(gateway.url)('GET', '/usage')).body.total as Total
  const counted = async (requests: number) => {
    await eventually(async () => (await total()).requests === requests)
    return total()
  }
  return { ask, counted, endpoint }
}

const messages = [{ role: 'user', content: 'hi' }]
const sse = (...events: unknown[]) => ({
  headers: { 'content-type': 'text/event-stream' },
  body: `${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')}data: [DONE]\n\n`,
})
const delta = (content: string) => ({ id: 'c', choices: [{ index: 0, delta: { content } }] })
const end = { id: 'c', choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }
const usage = {
  prompt_tokens: 100,
  completion_tokens: 10,
  total_tokens: 110,
  prompt_tokens_details: { cached_tokens: 60 },
}
/** 40 tokens at 10, 60 at 1 and 10 at 20 per million. */
const cost = (40 * 10 + 60 + 10 * 20) / 1e6

for (const engine of engines) {
  describe(`the rules of the ledger with ${engine}`, () => {
    it('has the tokens of a stream whose client did not ask for them, and the client gets no other chunk', async (t) => {
      const { ask, counted } = await start(t, engine, ({ body }) =>
        'stream_options' in body
          ? sse(delta('a'), end, { id: 'c', choices: [], usage })
          : sse(delta('a'), end),
      )
      const { text } = await ask('/v1/chat/completions', { messages, stream: true })
      assert.ok(!text.includes('usage'), text)
      const { prompt_tokens, completion_tokens } = await counted(1)
      assert.deepEqual([prompt_tokens, completion_tokens], [100, 10])
    })

    it('counts an error inside a stream as one failed request with what had arrived', async (t) => {
      const { ask, counted } = await start(t, engine, () =>
        sse(delta('a'), delta('b'), {
          error: { message: 'out of memory '.repeat(40), type: 'server_error' },
        }),
      )
      const { status } = await ask('/v1/chat/completions', { messages, stream: true })
      assert.equal(status, 200)
      const { requests, ok, upstream_errors, completion_tokens } = await counted(1)
      assert.deepEqual([requests, ok, upstream_errors, completion_tokens], [1, 0, 1, 2])
    })

    it('prices cached tokens alike in every API, whole and streamed', async (t) => {
      const whole = { id: 'c', choices: [{ index: 0, message: { role: 'assistant', content: 'a' } }], usage }
      const { ask, counted } = await start(t, engine, ({ body }) =>
        body.stream === true ? sse(delta('a'), end, { id: 'c', choices: [], usage }) : { body: whole },
      )
      let requests = 0
      for (const [path, body] of [
        ['/v1/chat/completions', { messages }],
        ['/v1/messages', { messages }],
        ['/v1/responses', { input: 'hi' }],
        ['/api/chat', { messages }],
      ] as const)
        for (const stream of [false, true]) {
          const { status, text } = await ask(path, { ...body, stream })
          assert.equal(status, 200, text)
          const { cost: sum = 0, prompt_tokens, cached_tokens } = await counted(++requests)
          const expected = [100 * requests, 60 * requests]
          assert.deepEqual([prompt_tokens, cached_tokens], expected, `${path} ${stream}`)
          assert.ok(Math.abs(sum - cost * requests) < 1e-9, `${path} ${stream}: ${sum / requests}`)
        }
    })

    it('counts a response in the background once, and no request for it', async (t) => {
      const { ask, counted, endpoint } = await start(t, engine, () =>
        sse(delta('a'), end, { id: 'c', choices: [], usage }),
      )
      const created = await ask('/v1/responses', { input: 'hi', background: true })
      const { id } = JSON.parse(created.text) as { id: string }
      await eventually(async () =>
        (await ask(`/v1/responses/${id}`, {}, 'GET')).text.includes('"status":"completed"'),
      )
      const { requests, prompt_tokens, completion_tokens } = await counted(1)
      assert.deepEqual([requests, prompt_tokens, completion_tokens], [1, 100, 10])
      for (let count = 0; count < 3; count++) await ask(`/v1/responses/${id}`, {}, 'GET')
      assert.equal((await ask('/v1/responses', { input: 'hi' })).status, 200)
      assert.equal((await counted(2)).prompt_tokens, 200)
      assert.equal(endpoint.calls.length, 2)
    })
  })
}
