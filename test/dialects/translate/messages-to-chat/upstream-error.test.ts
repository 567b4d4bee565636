import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isAnthropicError } from '../../../../src/dialects/anthropic/errors/upstream-error.ts'
import { readUpstreamError, translateError, unreadAnswerError } from './support.ts'

const json = (value: unknown) => JSON.stringify(value)

describe('translateError', () => {
  it('finds the message in the body of every type of server', () => {
    const bodies: [string, string][] = [
      [json({ error: { message: 'no model', type: 'NotFoundError', code: 404 } }), 'no model'],
      [
        json({ error: 'model "x" not found, try pulling it first' }),
        'model "x" not found, try pulling it first',
      ],
      [json({ object: 'error', message: 'bad', type: 'BadRequestError' }), 'bad'],
      [json({ detail: 'Not Found' }), 'Not Found'],
      [json({ detail: [{ loc: ['body', 'messages'], msg: 'Field required' }] }), 'messages: Field required'],
      [json({ type: 'error', error: { type: 'not_found_error', message: 'gone' } }), 'gone'],
      ['upstream connect error', 'upstream connect error'],
      ['', 'The endpoint answered with status 404.'],
      ['<html><body>nginx</body></html>', 'The endpoint answered with status 404.'],
      [json({ code: 7 }), 'The endpoint answered with status 404.'],
      ['[1]', '[1]'],
    ]
    for (const [body, message] of bodies) {
      assert.deepEqual(translateError(404, body), { statusCode: 404, type: 'not_found_error', message })
    }
  })

  it('does not report a client error as a server error', () => {
    for (const type of ['api_error', 'overloaded_error']) {
      const body = json({ error: { type, message: 'no tools' } })
      assert.equal(translateError(400, body).type, 'invalid_request_error')
      assert.equal(translateError(404, body).type, 'not_found_error')
      assert.equal(translateError(500, body).type, type)
    }
  })

  it("derives the type from the status, unless the endpoint sent one of Anthropic's", () => {
    const types: [number, string][] = [
      [400, 'invalid_request_error'],
      [401, 'authentication_error'],
      [403, 'permission_error'],
      [404, 'not_found_error'],
      [413, 'request_too_large'],
      [422, 'invalid_request_error'],
      [429, 'rate_limit_error'],
      [500, 'api_error'],
      [502, 'api_error'],
      [503, 'overloaded_error'],
      [504, 'timeout_error'],
      [529, 'overloaded_error'],
    ]
    for (const [status, type] of types) assert.equal(translateError(status, '').type, type, String(status))
    assert.equal(
      translateError(500, json({ error: { type: 'overloaded_error', message: 'x' } })).type,
      'overloaded_error',
    )
    assert.equal(
      translateError(500, json({ error: { type: 'server_error', message: 'x' } })).type,
      'api_error',
    )
  })

  it('reports a full context with the message on which clients shorten the conversation', () => {
    const bodies = [
      { error: { message: "This model's maximum context length is 8192 tokens.", code: 400 } },
      { error: { message: 'too long', code: 'context_length_exceeded' } },
      {
        error: {
          message: 'the request exceeds the available context size',
          type: 'exceed_context_size_error',
        },
      },
      { error: 'input length exceeds the context length' },
    ]
    for (const body of bodies) assert.match(translateError(400, json(body)).message, /^prompt is too long: /)
    const own = {
      error: { type: 'invalid_request_error', message: 'prompt is too long: 9 tokens > 8 maximum' },
    }
    assert.equal(translateError(400, json(own)).message, 'prompt is too long: 9 tokens > 8 maximum')
  })

  it('shortens very long messages', () => {
    assert.equal(translateError(400, 'x'.repeat(10_000)).message.length, 2_001)
  })
})

describe('a full context', () => {
  it('is the same client error for every status of the endpoint', () => {
    for (const status of [400, 413, 422, 500, 501]) {
      const body = json({
        error: { message: 'request (9 tokens) exceeds the available context size (8 tokens)' },
      })
      assert.deepEqual(translateError(status, body), {
        statusCode: 400,
        type: 'invalid_request_error',
        message: 'prompt is too long: 9 tokens > 8 maximum',
      })
    }
  })

  it("is also recognized inside Anthropic's envelope", () => {
    const message = json({
      error: { code: 400, message: 'request (9 tokens) exceeds the available context size (8 tokens)' },
    })
    const body = json({ type: 'error', error: { type: 'invalid_request_error', message } })
    assert.equal(isAnthropicError(body), false)
    assert.equal(translateError(400, body).message, 'prompt is too long: 9 tokens > 8 maximum')
  })

  it("keeps the endpoint's message if no limit is known", () => {
    const { message } = translateError(400, json({ error: 'the input length exceeds the context length' }))
    assert.equal(message, 'prompt is too long: the input length exceeds the context length')
    const size = { maxTokens: 10, promptTokens: 5000, limitTokens: 4096 }
    assert.equal(
      translateError(400, json({ error: 'the input length exceeds the context length' }), size).message,
      'prompt is too long: 5000 tokens > 4096 maximum',
    )
  })
})

describe('an error inside a 2xx answer', () => {
  const cases: [value: Record<string, unknown>, statusCode: number, type: string, message: RegExp][] = [
    [
      { error: { code: 400, message: 'bad', type: 'BadRequestError' } },
      400,
      'invalid_request_error',
      /^bad$/,
    ],
    [
      { object: 'error', code: 400, message: 'bad', type: 'BadRequestError' },
      400,
      'invalid_request_error',
      /^bad$/,
    ],
    [{ error: { code: '429', message: 'slow down' } }, 429, 'rate_limit_error', /^slow down$/],
    [
      { error: { code: 'rate_limit_exceeded', message: 'slow down' } },
      429,
      'rate_limit_error',
      /^slow down$/,
    ],
    [{ error: { type: 'overloaded_error', message: 'busy' } }, 503, 'overloaded_error', /^busy$/],
    [{ error: { message: 'dead', type: 'InternalServerError', code: 500 } }, 500, 'api_error', /^dead$/],
    [{ error: 'model runner has unexpectedly stopped' }, 502, 'api_error', /runner/],
    [{ error: { message: 'x', code: null } }, 502, 'api_error', /^x$/],
    [{ detail: 'boom' }, 502, 'api_error', /^boom$/],
    [{ detail: [{ loc: ['body', 'x'], msg: 'missing' }] }, 422, 'invalid_request_error', /^x: missing$/],
    [{ detail: { error: 'boom' } }, 502, 'api_error', /^boom$/],
    [{ message: 'boom', status: 503 }, 503, 'overloaded_error', /^boom$/],
    [{ status_code: 404, message: 'gone' }, 404, 'not_found_error', /^gone$/],
    [{ error: {} }, 502, 'api_error', /endpoint failed/],
    [
      { error: { code: 500, message: 'the request exceeds the available context size' } },
      400,
      'invalid_request_error',
      /^prompt is too long: /,
    ],
  ]
  for (const [value, statusCode, type, message] of cases) {
    it(json(value).slice(0, 90), () => {
      const error = readUpstreamError(value)
      assert.equal(error?.statusCode, statusCode)
      assert.equal(error?.type, type)
      assert.match(error?.message ?? '', message)
    })
  }

  it('is not found in a real answer', () => {
    for (const value of [{ choices: [] }, { choices: [], error: null }, { id: 'x' }]) {
      assert.equal(readUpstreamError(value), undefined)
    }
  })
})

describe('an answer without a readable event', () => {
  const cases: [text: string, message: string | undefined][] = [
    ['error: {"code":503,"message":"Loading model","type":"unavailable_error"}\n\n', 'Loading model'],
    ['event: error\nerror: {"message":"bad"}\n\ndata: [DONE]\n\n', 'bad'],
    ['{"error":{"message":"bad"}}', 'bad'],
    ['{"detail":"bad"}\n', 'bad'],
    ['error: out of memory\n\n', 'out of memory'],
    ['Internal Server Error', 'Internal Server Error'],
    [': ping\n\ndata: [DONE]\n\n', undefined],
    ['<html>502</html>', undefined],
    ['', undefined],
  ]
  for (const [text, message] of cases) {
    it(text.slice(0, 60) || 'nothing', () => assert.equal(unreadAnswerError(text)?.message, message))
  }
})

describe('isAnthropicError', () => {
  it('recognizes the envelope by its type', () => {
    assert.equal(isAnthropicError(json({ type: 'error', error: { type: 'api_error', message: 'x' } })), true)
    assert.equal(
      isAnthropicError(json({ type: 'error', error: { type: 'NotFoundError', message: 'x' } })),
      false,
    )
    assert.equal(isAnthropicError(json({ error: { type: 'api_error', message: 'x' } })), false)
    assert.equal(isAnthropicError('no'), false)
  })
})
