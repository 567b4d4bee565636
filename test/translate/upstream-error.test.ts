import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isAnthropicError, translateError } from '../../src/translate/upstream-error.ts'

const json = (value: unknown) => JSON.stringify(value)

describe('translateError', () => {
  it('finds the message in the body of every kind of server', () => {
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
      assert.deepEqual(translateError(404, body), { type: 'not_found_error', message })
    }
  })

  it('names the type by the status, unless the endpoint has said it in the words of Anthropic', () => {
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

  it('says a full context in the words at which clients shorten the conversation', () => {
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
    const own = { error: { type: 'invalid_request_error', message: 'prompt is too long: 9 > 8' } }
    assert.equal(translateError(400, json(own)).message, 'prompt is too long: 9 > 8')
  })

  it('shortens what is very long', () => {
    assert.equal(translateError(400, 'x'.repeat(10_000)).message.length, 2_001)
  })
})

describe('isAnthropicError', () => {
  it('knows the envelope by its type', () => {
    assert.equal(isAnthropicError(json({ type: 'error', error: { type: 'api_error', message: 'x' } })), true)
    assert.equal(
      isAnthropicError(json({ type: 'error', error: { type: 'NotFoundError', message: 'x' } })),
      false,
    )
    assert.equal(isAnthropicError(json({ error: { type: 'api_error', message: 'x' } })), false)
    assert.equal(isAnthropicError('no'), false)
  })
})
