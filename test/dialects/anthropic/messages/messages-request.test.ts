import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readMessagesRequest } from '../../../../src/dialects/anthropic/messages/request/messages-request.ts'
import { GatewayError } from '../../../../src/kernel/errors.ts'

const sound = { model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 'a' }] }
const read = (body: string | object) =>
  readMessagesRequest(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)))

describe('readMessagesRequest', () => {
  it('accepts a request without max_tokens, and numbers at their limits', () => {
    const { max_tokens, ...rest } = sound
    assert.equal(max_tokens, 1)
    assert.deepEqual(read(rest), rest)
    assert.ok(read({ ...sound, temperature: 2, top_p: 0, top_k: 0 }))
    assert.ok(read({ ...sound, temperature: null }))
  })

  it("refuses invalid requests with Olla's messages", () => {
    const refusals: [string | object, RegExp][] = [
      ['', /empty request body/],
      ['[]', /must be an object/],
      ['{', /not valid JSON/],
      [{ ...sound, model: undefined }, /model field is required/],
      [{ ...sound, model: 7 }, /model field must be a string, got number/],
      [{ ...sound, model: ' ' }, /model field must not be empty/],
      [{ ...sound, messages: undefined }, /at least one message is required/],
      [{ ...sound, messages: [] }, /at least one message is required/],
      [{ ...sound, max_tokens: 0 }, /max_tokens must be at least 1, got 0/],
      [{ ...sound, temperature: 2.1 }, /temperature must be between 0 and 2, got 2.1/],
      [{ ...sound, temperature: '1' }, /temperature must be between 0 and 2, got "1"/],
      [{ ...sound, top_p: -1 }, /top_p must be between 0 and 1/],
      [{ ...sound, top_k: -1 }, /top_k must be non-negative/],
    ]
    for (const [body, message] of refusals) {
      assert.throws(
        () => read(body),
        (error) => error instanceof GatewayError && error.statusCode === 400 && message.test(error.message),
        `${JSON.stringify(body)} ${message}`,
      )
    }
    assert.throws(() => readMessagesRequest(null), /empty request body/)
  })
})
