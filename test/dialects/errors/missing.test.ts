import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Missing, readMissing } from '../../../src/dialects/errors/missing.ts'

const chat = '/v1/chat/completions'
const json = (value: unknown) => JSON.stringify(value)

/** Status, path, body, and what is missing. */
const answers: readonly (readonly [number, string, string, Missing])[] = [
  // FastAPI: vLLM, SGLang, LMDeploy, LiteLLM, transformers
  [404, '/v1/responses', json({ detail: 'Not Found' }), 'path'],
  [405, '/v1/responses', json({ detail: 'Method Not Allowed' }), 'path'],
  // Go: Ollama and what is built with net/http
  [404, '/v1/rerank', '404 page not found', 'path'],
  // Unsupported options of one request, reported with 501
  [501, chat, json({ error: { code: 501, message: 'audio is not supported' } }), 'request'],
  [501, chat, json({ error: { message: 'video input is not implemented' } }), 'request'],
  [501, chat, json({ error: 'this model does not support thinking' }), 'request'],
  [501, chat, json({ error: { message: 'parameter "modalities" is not supported' } }), 'request'],
  [501, '/v1/audio/speech', json({ error: 'This server does not support audio output' }), 'path'],
  // llama.cpp
  [
    404,
    '/api/chat',
    json({ error: { code: 404, message: 'File Not Found', type: 'not_found_error' } }),
    'path',
  ],
  [
    501,
    '/v1/embeddings',
    json({
      error: {
        code: 501,
        message: 'This server does not support embeddings. Start it with `--embeddings`',
        type: 'not_supported_error',
      },
    }),
    'path',
  ],
  [
    501,
    '/v1/rerank',
    json({
      error: {
        code: 501,
        message: 'This server does not support reranking. Start it with `--reranking`',
        type: 'not_supported_error',
      },
    }),
    'path',
  ],
  [501, '/v1/images/generations', '', 'path'],
  [501, chat, json({ error: { code: 501, message: 'image input is not supported' } }), 'request'],
  // LM Studio
  [404, '/v1/messages', json({ error: 'Unexpected endpoint or method. (POST /v1/messages)' }), 'path'],
  // Express, Fastify, Spring, Kong, nginx, Traefik, OpenAI, Groq, Rails
  [404, '/v1/responses', '<!DOCTYPE html><pre>Cannot POST /v1/responses</pre>', 'path'],
  [
    404,
    '/v1/responses',
    json({ message: 'Route POST:/v1/responses not found', error: 'Not Found', statusCode: 404 }),
    'path',
  ],
  [404, '/v1/rerank', json({ timestamp: 'x', status: 404, error: 'Not Found', path: '/v1/rerank' }), 'path'],
  [404, '/v1/rerank', json({ message: 'no Route matched with those values' }), 'path'],
  [404, '/v1/rerank', '<html><body><h1>404 Not Found</h1></body></html>', 'path'],
  [404, '/v1/rerank', '', 'path'],
  [404, '/v1/rerank', 'Not Found', 'path'],
  [404, '/v1/rerank', 'not found\n', 'path'],
  [404, '/v1/rerank', json({ error: 'Not Found' }), 'path'],
  [404, '/v1/rerank', json({ error: { message: 'Not Found', type: 'not_found_error', code: 404 } }), 'path'],
  [
    404,
    '/v1/foo',
    json({
      error: {
        message: 'Unknown request URL: POST /v1/foo. Please check the URL for typos',
        type: 'invalid_request_error',
        code: 'unknown_url',
      },
    }),
    'path',
  ],
  [
    404,
    '/v1/foo',
    json({ error: { message: 'Invalid URL (POST /v1/foo)', type: 'invalid_request_error' } }),
    'path',
  ],
  [404, '/v1/foo', json({ error: { message: 'There is nothing at this path.', code: 'not_found' } }), 'path'],
  // Models: Ollama, vLLM, OpenAI, LiteLLM, LM Studio, llama-swap, SGLang
  [404, '/api/chat', json({ error: 'model "llama3" not found, try pulling it first' }), 'model'],
  [404, '/api/chat', json({ error: "model 'llama3' not found" }), 'model'],
  [
    404,
    chat,
    json({
      object: 'error',
      message: 'The model `x` does not exist.',
      type: 'NotFoundError',
      param: null,
      code: 404,
    }),
    'model',
  ],
  [
    404,
    chat,
    json({
      error: {
        message: 'The model `gpt-9` does not exist or you do not have access to it.',
        type: 'invalid_request_error',
        code: 'model_not_found',
      },
    }),
    'model',
  ],
  [404, chat, json({ error: { message: 'No endpoint has this model.', code: 'model_not_found' } }), 'model'],
  [404, chat, json({ detail: 'Model mistral not found' }), 'model'],
  [
    404,
    chat,
    json({ error: { message: 'litellm.NotFoundError: no healthy deployments for this model' } }),
    'model',
  ],
  // Stored objects
  [
    404,
    '/v1/responses',
    json({
      error: { message: "Response with id 'resp_1' not found.", type: 'invalid_request_error', code: 404 },
    }),
    'object',
  ],
  [
    404,
    '/v1/responses',
    json({
      error: {
        message: "Previous response with id 'resp_1' not found.",
        param: 'previous_response_id',
        code: 'previous_response_not_found',
      },
    }),
    'object',
  ],
  [404, '/v1/responses/resp_1', json({ error: { message: 'not found' } }), 'object'],
  [
    404,
    '/v1/responses/resp_1',
    json({ error: { message: "Response with id 'resp_1' not found." } }),
    'object',
  ],
  // Unclear messages
  [
    404,
    chat,
    json({ error: { message: 'No endpoints found that support image input', code: 404 } }),
    'unsure',
  ],
  [404, chat, json({ error: 'adapter 7 is gone' }), 'unsure'],
]

describe('readMissing', () => {
  for (const [statusCode, path, text, missing] of answers) {
    it(`reads ${statusCode} ${text.slice(0, 90) || '(empty)'} at ${path} as ${missing}`, () => {
      assert.equal(readMissing({ path, statusCode, text }), missing)
    })
  }

  it('is unsure about an unreadable body', () => {
    assert.equal(readMissing({ path: chat, statusCode: 404, text: undefined }), 'unsure')
  })

  it('takes linear time', () => {
    const text = json({ error: `${'model '.repeat(200_000)}x` })
    const startedMs = performance.now()
    readMissing({ path: chat, statusCode: 404, text })
    assert.ok(performance.now() - startedMs < 500)
  })
})
