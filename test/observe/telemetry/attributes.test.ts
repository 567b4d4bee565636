import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { INVALID_SPAN_CONTEXT, trace } from '@opentelemetry/api'
import { openai } from '../../../src/dialects/openai/index.ts'
import {
  type AttributeSink,
  attemptError,
  describeAttempt,
  describeRequest,
  endpointAttributes,
  errorType,
} from '../../../src/observe/telemetry/attributes.ts'
import { operationOf } from '../../../src/observe/telemetry/operation.ts'
import { RequestContext } from '../../../src/proxy/contract/context.ts'
import { figures } from '../stats/fixtures.ts'

function request(fields: Partial<RequestContext> = {}): RequestContext {
  return Object.assign(new RequestContext('id', 0, openai, 'proxy', '10.0.0.1'), fields)
}

/** The attributes that a function sets. */
function setBy(describe: (span: AttributeSink) => void): Record<string, unknown> {
  const attributes: Record<string, unknown> = {}
  describe({
    setAttribute(name, value) {
      attributes[name] = value
      return invalidSpan
    },
  })
  return attributes
}

const invalidSpan = trace.wrapSpanContext(INVALID_SPAN_CONTEXT)
const arrival = { route: undefined, operation: undefined }

describe('attributes of spans', () => {
  it('omit unknown values', () => {
    assert.deepEqual(
      setBy((span) => describeRequest(span, request(), arrival)),
      { 'olla.request_id': 'id' },
    )
  })

  it('have times in seconds and tokens by name', () => {
    const answer = figures({ firstTokenMs: 250, cachedTokens: 4 })
    const counted = request({ promptTokens: 9, completionTokens: 3, answer })
    const attributes = setBy((span) => describeRequest(span, counted, arrival))
    assert.deepEqual(attributes, {
      'olla.request_id': 'id',
      'gen_ai.usage.input_tokens': 9,
      'gen_ai.usage.output_tokens': 3,
      'gen_ai.usage.cache_read.input_tokens': 4,
      'gen_ai.response.time_to_first_chunk': 0.25,
    })
  })

  it('include the server with its port, even if the URL has none', () => {
    const attempt = { number: 1, endpoint: 'e', type: 'vllm', sentModel: undefined }
    const at = (url: string) => endpointAttributes(request({ model: 'm' }), { ...attempt, url }, 'chat')
    assert.partialDeepStrictEqual(at('http://gpu:8000/base'), {
      'server.address': 'gpu',
      'server.port': 8000,
    })
    assert.partialDeepStrictEqual(at('https://gpu'), { 'server.port': 443, 'gen_ai.request.model': 'm' })
    assert.partialDeepStrictEqual(at('http://gpu'), { 'server.port': 80 })
  })

  it('have usage only on the attempt that answered', () => {
    const counted = request({ promptTokens: 9, completionTokens: 3 })
    const end = { statusCode: 200, reason: undefined, durationMs: 1 }
    const of = (kind: 'answered' | 'abandoned') =>
      setBy((span) => describeAttempt(span, counted, { number: 2 }, { ...end, kind }))
    assert.partialDeepStrictEqual(of('answered'), { 'olla.attempt': 2, 'gen_ai.usage.output_tokens': 3 })
    assert.equal(of('abandoned')['gen_ai.usage.output_tokens'], undefined)
  })

  it('are in alphabetical order, which an SDK sorts them in', () => {
    const attempt = { number: 1, endpoint: 'e', type: 'vllm', url: 'http://gpu', sentModel: 'm' }
    const distinction = { error: '502', tokenType: 'input' } as const
    const names = Object.keys(endpointAttributes(request(), attempt, 'chat', distinction))
    assert.deepEqual(names, names.toSorted())
    assert.equal(names.length, 8)
  })

  it('contain the model as it was sent', () => {
    const attempt = { number: 1, endpoint: 'e', type: 'vllm', url: 'http://gpu', sentModel: 'theirs' }
    assert.equal(
      endpointAttributes(request({ model: 'ours' }), attempt, undefined)['gen_ai.request.model'],
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
