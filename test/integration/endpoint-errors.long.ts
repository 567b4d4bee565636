import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import OpenAI from 'openai'
import { startGateway } from '../support/gateway.ts'
import { type ScriptedAnswer, startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { engineOf, engines } from './engines.ts'

/** Errors as frameworks and engines write them. */
const errors: Readonly<Record<string, (status: number) => ScriptedAnswer>> = {
  FastAPI: (status) => ({ status, body: { detail: 'Something is wrong' } }),
  text: (status) => ({ status, body: 'Something is wrong' }),
  Ollama: (status) => ({ status, body: { error: 'Something is wrong' } }),
  'old vLLM': (status) => ({
    status,
    body: { object: 'error', message: 'Something is wrong', type: 'BadRequestError', code: status },
  }),
  Anthropic: (status) => ({
    status,
    body: { type: 'error', error: { type: 'invalid_request_error', message: 'Something is wrong' } },
  }),
}

type Dialect = 'openai' | 'anthropic' | 'ollama'

/** Operations beside those that generate text, and the dialect of their clients. */
const operations: readonly (readonly [method: string, path: string, dialect: Dialect])[] = [
  ['POST', '/v1/embeddings', 'openai'],
  ['POST', '/v1/rerank', 'openai'],
  ['POST', '/v1/moderations', 'openai'],
  ['POST', '/v1/images/generations', 'openai'],
  ['POST', '/v1/audio/speech', 'openai'],
  ['GET', '/v1/files/file-1', 'openai'],
  ['DELETE', '/v1/files/file-1', 'openai'],
  ['GET', '/v1/batches/batch_1', 'openai'],
  ['GET', '/v1/vector_stores/vs_1', 'openai'],
  ['POST', '/olla/proxy/tokenize', 'openai'],
  ['POST', '/olla/proxy/v1/score', 'openai'],
  ['GET', '/olla/proxy/v1/models/nothing', 'openai'],
  ['GET', '/v1/files/file_1', 'anthropic'],
  ['POST', '/api/embed', 'ollama'],
]

function messageIn(dialect: Dialect, body: Record<string, unknown>): unknown {
  if (dialect === 'ollama') return body.error
  const error = body.error as Record<string, unknown> | undefined
  if (dialect === 'anthropic') {
    assert.equal(body.type, 'error')
    assert.equal(typeof error?.type, 'string')
    return error?.message
  }
  assert.ok(
    error !== undefined && 'type' in error && 'param' in error && 'code' in error,
    JSON.stringify(body),
  )
  return error.message
}

async function start(t: TestContext, type: string, proxy: Record<string, unknown> = {}) {
  const endpoint = await startScriptedEndpoint(t, ['m'])
  const gateway = await startGateway(t, [{ url: endpoint.url, type }], { proxy })
  return { endpoint, gateway }
}

async function ask(url: string, method: string, headers: Readonly<Record<string, string>> = {}) {
  const body =
    method === 'POST' ? JSON.stringify({ model: 'm', input: 'a', query: 'a', documents: ['b'] }) : null
  return fetch(url, { method, body, headers: { 'content-type': 'application/json', ...headers } })
}

for (const engine of engines) {
  describe(`the error of an endpoint, engine ${engine}`, () => {
    it('comes in the dialect of the client on every path of an API', async (t) => {
      const { endpoint, gateway } = await start(t, 'openai-compatible', engineOf(engine))
      for (const [method, path, dialect] of operations) {
        for (const [name, error] of Object.entries(errors)) {
          const what = `${method} ${path}, ${name}`
          endpoint.answer = () => error(400)
          const headers = dialect === 'anthropic' ? { 'anthropic-version': '2023-06-01' } : {}
          const response = await ask(gateway.url + path, method, headers)
          assert.equal(response.status, 400, what)
          const body = (await response.json()) as Record<string, unknown>
          assert.equal(messageIn(dialect, body), 'Something is wrong', what)
        }
      }
    })

    it('passes unchanged if it is in the dialect already, and on paths of no API', async (t) => {
      const { endpoint, gateway } = await start(t, 'openai-compatible', engineOf(engine))
      const own = '{"error": {"message":"no","type":"x","param":null,"code":null, "more":1}}'
      endpoint.answer = () => ({
        status: 400,
        body: own,
        headers: { 'content-type': 'application/json' },
      })
      assert.equal(await (await ask(`${gateway.url}/v1/embeddings`, 'POST')).text(), own)
      endpoint.answer = () => ({ status: 503, body: 'sick' })
      assert.equal(await (await ask(`${gateway.url}/olla/proxy/healthz`, 'GET')).text(), 'sick')
    })
  })
}

/** How servers without the routes of stored responses answer them. */
const routers: Readonly<Record<string, ScriptedAnswer>> = {
  FastAPI: { status: 404, body: { detail: 'Not Found' } },
  'FastAPI, with a POST on the path': { status: 405, body: { detail: 'Method Not Allowed' } },
  Go: { status: 404, body: '404 page not found' },
  'a page': {
    status: 404,
    body: '<html><body>Not Found</body></html>',
    headers: { 'content-type': 'text/html' },
  },
  'llama.cpp': {
    status: 404,
    body: { error: { code: 404, message: 'File Not Found', type: 'not_found_error' } },
  },
  'nothing at all': { status: 404, body: '' },
  'not implemented': { status: 501, body: { error: 'not implemented' } },
  'a server that keeps responses': {
    status: 404,
    body: {
      error: { message: "Response with id 'resp_x' not found.", type: 'invalid_request_error', param: 'id' },
    },
  },
}

describe('a response that neither the gateway nor an endpoint knows', () => {
  for (const [name, answer] of Object.entries(routers)) {
    for (const type of ['openai-compatible', 'vllm', 'lmdeploy', 'ollama', 'lm-studio']) {
      it(`is not found by OpenAI's SDK, with ${type} that answers as ${name}`, async (t) => {
        const { endpoint, gateway } = await start(t, type)
        endpoint.answer = () => answer
        const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 })
        const calls = {
          retrieve: () => client.responses.retrieve('resp_x'),
          delete: () => client.responses.delete('resp_x'),
          cancel: () => client.responses.cancel('resp_x'),
          input: () => client.responses.inputItems.list('resp_x'),
          stream: () => client.responses.retrieve('resp_x', { stream: true }),
          conversation: () => client.conversations.retrieve('conv_x'),
        }
        for (const [operation, call] of Object.entries(calls)) {
          await assert.rejects(call(), (error) => {
            assert.ok(error instanceof OpenAI.NotFoundError, `${operation}: ${String(error)}`)
            assert.match(
              error.message,
              /(?:Response|Conversation) with id '(?:resp|conv)_x' not found/,
              operation,
            )
            return true
          })
        }
      })
    }
  }

  it('cannot be continued, whether the endpoint lacks the API or is not known to', async (t) => {
    for (const type of ['openai-compatible', 'lmdeploy']) {
      const { endpoint, gateway } = await start(t, type)
      endpoint.answer = ({ path }) =>
        path === '/v1/chat/completions' ? { body: {} } : { status: 404, body: { detail: 'Not Found' } }
      const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'any', maxRetries: 0 })
      for (let count = 0; count < 2; count++) {
        const next = client.responses.create({ model: 'm', input: 'a', previous_response_id: 'resp_x' })
        await assert.rejects(next, (error) => {
          assert.ok(error instanceof OpenAI.BadRequestError, `${type}: ${String(error)}`)
          assert.deepEqual([error.code, error.param], ['previous_response_not_found', 'previous_response_id'])
          return true
        })
      }
    }
  })
})
