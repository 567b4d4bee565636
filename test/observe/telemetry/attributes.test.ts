import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openai } from '../../../src/dialects/openai/index.ts'
import {
  attemptAttributes,
  attemptError,
  errorType,
  requestAttributes,
} from '../../../src/observe/telemetry/attributes.ts'
import { operationOf } from '../../../src/observe/telemetry/operation.ts'
import { RequestContext } from '../../../src/proxy/contract/context.ts'
import { figures } from '../stats/fixtures.ts'

function request(fields: Partial<RequestContext> = {}): RequestContext {
  return Object.assign(new RequestContext('id', 0, openai, 'proxy', '10.0.0.1'), fields)
}

describe('attributes of spans', () => {
  it('omit unknown values', () => {
    assert.deepEqual(requestAttributes(request()), {})
  })

  it('have times in seconds and tokens by name', () => {
    const answer = figures({ firstTokenMs: 250, cachedTokens: 4 })
    const attributes = requestAttributes(request({ promptTokens: 9, completionTokens: 3, answer }))
    assert.deepEqual(attributes, {
      'gen_ai.usage.input_tokens': 9,
      'gen_ai.usage.output_tokens': 3,
      'gen_ai.usage.cache_read.input_tokens': 4,
      'gen_ai.response.time_to_first_chunk': 0.25,
    })
  })

  it('include the server with its port, even if the URL has none', () => {
    const attempt = { number: 1, endpoint: 'e', type: 'vllm', sentModel: undefined }
    const at = (url: string) => attemptAttributes(request({ model: 'm' }), { ...attempt, url }, 'chat')
    assert.partialDeepStrictEqual(at('http://gpu:8000/base'), {
      'server.address': 'gpu',
      'server.port': 8000,
    })
    assert.partialDeepStrictEqual(at('https://gpu'), { 'server.port': 443, 'gen_ai.request.model': 'm' })
    assert.partialDeepStrictEqual(at('http://gpu'), { 'server.port': 80 })
  })

  it('contain the model as it was sent', () => {
    const attempt = { number: 1, endpoint: 'e', type: 'vllm', url: 'http://gpu', sentModel: 'theirs' }
    assert.equal(
      attemptAttributes(request({ model: 'ours' }), attempt, undefined)['gen_ai.request.model'],
      'theirs',
    )
  })
})

describe('the type of an error', () => {
  it('is our code, else the status, else the outcome; none for a success', () => {
    assert.equal(errorType(request({ outcome: 'success', status: 200 })), undefined)
    assert.equal(
      errorType(request({ outcome: 'failure', status: 502, error: 'upstream_failed' })),
      'upstream_failed',
    )
    assert.equal(errorType(request({ outcome: 'rejection', status: 400 })), '400')
    assert.equal(errorType(request({ outcome: 'client_closed', status: 200 })), 'client_closed')
    assert.equal(errorType(request({ outcome: 'failure', status: 200 })), 'failure')
  })

  it('is the status of an attempt that has one, else its outcome', () => {
    assert.equal(attemptError({ kind: 'answered', statusCode: 200, reason: undefined }), undefined)
    assert.equal(attemptError({ kind: 'answered', statusCode: 404, reason: undefined }), '404')
    assert.equal(attemptError({ kind: 'failed', statusCode: undefined, reason: 'x' }), 'failed')
    assert.equal(attemptError({ kind: 'abandoned', statusCode: 200, reason: undefined }), 'abandoned')
  })
})

describe('the operation of a request', () => {
  it('is derived from its path', () => {
    const paths = {
      '/v1/chat/completions': 'chat',
      '/olla/anthropic/v1/messages': 'chat',
      '/v1/responses': 'chat',
      '/api/chat': 'chat',
      '/v1/completions': 'text_completion',
      '/api/generate': 'text_completion',
      '/v1/embeddings': 'embeddings',
      '/api/embed': 'embeddings',
      '/v1/models': undefined,
      '/v1/audio/speech': undefined,
    }
    for (const [path, operation] of Object.entries(paths)) assert.equal(operationOf(path), operation, path)
  })
})
