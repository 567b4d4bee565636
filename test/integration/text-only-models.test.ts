import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { get } from '../support/fleet.ts'
import { startGateway } from '../support/gateway.ts'
import { scriptedServer } from '../support/scripted-server.ts'
import { engineOf, engines } from './engines.ts'

const url = 'data:image/png;base64,iVBORw0KGgo='

/** llama.cpp with one model, which answers an image to a text model with 500 as the real one does. */
function llama(t: TestContext, inputs: readonly string[]) {
  return scriptedServer(t, ({ path, body }) => {
    if (path === '/health') return { status: 'ok' }
    if (path === '/v1/models') {
      const architecture = { input_modalities: inputs, output_modalities: ['text'] }
      const meta = { n_ctx: 8192, n_ctx_train: 131_072, n_embd: 64 }
      return { data: [{ id: 'tiny', owned_by: 'llamacpp', architecture, meta }] }
    }
    if (path === '/props') return { modalities: { vision: inputs.includes('image'), audio: false } }
    if (body.includes('iVBORw0KGgo=') && !inputs.includes('image'))
      return { status: 500, body: { error: { code: 500, message: 'image input is not supported' } } }
    return { choices: [{ index: 0, message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }] }
  })
}

const chat = { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] }
const source = { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' }
const requests: [string, object, (body: Record<string, unknown>) => string | undefined][] = [
  ['/v1/chat/completions', chat, (body) => (body.error as { message?: string })?.message],
  ['/olla/llamacpp/v1/chat/completions', chat, (body) => (body.error as { message?: string })?.message],
  [
    '/v1/responses',
    { input: [{ role: 'user', content: [{ type: 'input_image', image_url: url }] }] },
    (body) => (body.error as { message?: string })?.message,
  ],
  [
    '/v1/messages',
    { max_tokens: 5, messages: [{ role: 'user', content: [{ type: 'image', source }] }] },
    (body) => (body.type === 'error' ? (body.error as { message?: string }).message : undefined),
  ],
  [
    '/api/chat',
    { messages: [{ role: 'user', content: 'x', images: ['iVBORw0KGgo='] }] },
    (body) => (typeof body.error === 'string' ? body.error : undefined),
  ],
]

for (const engine of engines) {
  describe(`an image for a text model, ${engine} engine`, () => {
    for (const [path, body, messageOf] of requests) {
      it(`gets a 400 with the reason and reaches no endpoint: ${path}`, async (t) => {
        const server = await llama(t, ['text'])
        const gateway = await startGateway(t, [{ url: server.url, name: 'cpp', type: 'llamacpp' }], {
          proxy: engineOf(engine),
        })
        server.seen.length = 0
        const response = await fetch(`${gateway.url}${path}`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ model: 'tiny', ...body }),
        })
        assert.equal(response.status, 400)
        const message = messageOf((await response.json()) as Record<string, unknown>)
        assert.match(message ?? '', /"tiny" reads no images/)
        assert.ok(server.seen.every(({ method }) => method === 'GET'))
      })
    }

    it('goes to the endpoint with a vision model', async (t) => {
      const blind = await llama(t, ['text'])
      const sees = await llama(t, ['text', 'image'])
      const gateway = await startGateway(
        t,
        [
          { url: blind.url, name: 'blind', type: 'llamacpp' },
          { url: sees.url, name: 'sees', type: 'llamacpp' },
        ],
        { proxy: engineOf(engine) },
      )
      for (let request = 0; request < 4; request++) {
        const response = await fetch(`${gateway.url}/v1/chat/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ model: 'tiny', ...chat }),
        })
        assert.equal(response.status, 200)
        assert.equal(response.headers.get('x-olla-endpoint'), 'sees')
        await response.arrayBuffer()
      }
    })
  })
}

describe('model details from an endpoint', () => {
  it('is in the list of OpenAI clients', async (t) => {
    const server = await llama(t, ['text'])
    const gateway = await startGateway(t, [{ url: server.url, name: 'cpp', type: 'llamacpp' }])
    const { body } = await get(`${gateway.url}/v1/models`)
    const [model] = body.data as unknown as Record<string, unknown>[]
    assert.equal(model?.context_length, 8192)
    assert.equal(model?.max_model_len, 8192)
    assert.deepEqual(model?.meta, { n_ctx: 8192, n_ctx_train: 131_072, n_embd: 64 })
  })
})
