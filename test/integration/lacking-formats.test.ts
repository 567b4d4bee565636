import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import { startGateway } from '../support/gateway.ts'
import { type ScriptedAnswer, startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { engineOf, engines } from './engines.ts'

const line = { model: 'm', created_at: '2025-01-01T00:00:00Z', done_reason: 'stop', done: true }
const ollamaChat = { ...line, message: { role: 'assistant', content: 'hello' } }
const ollamaText = { ...line, response: 'hello' }
const completion = {
  id: 'c',
  object: 'text_completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, text: 'hello', finish_reason: 'stop' }],
}

/** Servers that lack what others of their type have, such as old versions, or what a proxy in front lets pass. */
const servers: Readonly<Record<string, { type: string; path: string; answer: unknown }>> = {
  'an Ollama with nothing but /api/chat': { type: 'ollama', path: '/api/chat', answer: ollamaChat },
  'an Ollama with nothing but /api/generate': { type: 'ollama', path: '/api/generate', answer: ollamaText },
  'a vLLM with nothing but completions': { type: 'vllm', path: '/v1/completions', answer: completion },
}

async function start(t: TestContext, engine: string, type: string, path: string, answer: unknown) {
  const missing: ScriptedAnswer = { status: 404, body: { detail: 'Not Found' } }
  const endpoint = await startScriptedEndpoint(t, ['m'], (call) =>
    call.path === path ? { body: answer } : missing,
  )
  const gateway = await startGateway(t, [{ url: endpoint.url, type }], {
    proxy: { ...engineOf(engine), stream_upstream: 'never' },
  })
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 })
  return { endpoint, gateway, openai }
}

for (const engine of engines) {
  for (const [name, { type, path, answer }] of Object.entries(servers)) {
    describe(`${name}, engine ${engine}`, () => {
      const clients: Readonly<Record<string, (openai: OpenAI, url: string) => Promise<unknown>>> = {
        responses: async (openai) => (await openai.responses.create({ model: 'm', input: 'x' })).output_text,
        'Ollama’s': async (_, url) => {
          const messages = [{ role: 'user', content: 'x' }]
          return (await new Ollama({ host: url }).chat({ model: 'm', messages })).message.content
        },
      }
      for (const [client, ask] of Object.entries(clients)) {
        it(`answers the first request of a client of ${client}`, async (t) => {
          const { endpoint, gateway, openai } = await start(t, engine, type, path, answer)
          assert.equal(await ask(openai, gateway.url), 'hello')
          // What it lacks is known from then on.
          const before = endpoint.calls.length
          assert.equal(await ask(openai, gateway.url), 'hello')
          assert.equal(endpoint.calls.length, before + 1)
        })
      }
    })
  }
}

describe('a request that cannot be translated', () => {
  it('names what it needs, also if the endpoint first turns out to lack a path', async (t) => {
    const { openai } = await start(t, 'olla', 'vllm', '/v1/completions', completion)
    const tools = [{ type: 'function' as const, name: 'f', parameters: {}, strict: false }]
    for (let count = 0; count < 2; count++) {
      await assert.rejects(openai.responses.create({ model: 'm', input: 'x', tools }), (error) => {
        assert.ok(error instanceof OpenAI.BadRequestError, String(error))
        assert.match(error.message, /have no API that supports: .*tools/)
        return true
      })
    }
  })

  it('needs a model, unless an endpoint has the path', async (t) => {
    const { gateway, endpoint } = await start(t, 'olla', 'lmdeploy', '/v1/chat/completions', completion)
    const post = (path: string) =>
      fetch(`${gateway.url}${path}`, {
        method: 'POST',
        body: '{"input":"x"}',
        headers: { 'content-type': 'application/json' },
      })
    const response = await post('/v1/responses')
    const { error } = (await response.json()) as { error: Record<string, unknown> }
    assert.deepEqual([response.status, error.param, error.code], [400, 'model', 'missing_required_parameter'])
    assert.equal((await post('/v1/chat/completions')).status, 200)
    assert.equal(endpoint.calls.filter(({ path }) => path === '/v1/chat/completions').length, 1)
  })
})
