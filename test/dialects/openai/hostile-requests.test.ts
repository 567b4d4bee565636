import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readChatRequest } from '../../../src/dialects/openai/chat/request/read-request.ts'
import { chatFields } from '../../../src/dialects/openai/chat/request/request-fields.ts'
import { readCompletionsRequest } from '../../../src/dialects/openai/completions/read-request.ts'
import { GatewayError } from '../../../src/kernel/errors.ts'
import type { JsonObject } from '../../../src/kernel/json/json-fields.ts'

const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom('', 'x', 0, -1, 1e300, null, true, [], {}, [[]], { type: 'function' }, { rawJSON: '1' }),
)
const names = [
  'type',
  'text',
  'image_url',
  'url',
  'source',
  'file',
  'input_audio',
  'custom',
  'function',
  'name',
]
const block = fc.dictionary(fc.constantFrom(...names), odd, { maxKeys: 4 })
const message = fc.dictionary(
  fc.constantFrom(
    'role',
    'content',
    'tool_calls',
    'function_call',
    'reasoning_details',
    'tool_call_id',
    'name',
  ),
  fc.oneof(
    odd,
    fc.constantFrom('user', 'assistant', 'tool', 'system'),
    fc.array(fc.oneof(block, odd), { maxLength: 3 }),
  ),
)
const request = fc.record({
  fields: fc.dictionary(
    fc.constantFrom(...Object.keys(chatFields), '__proto__', 'prompt', 'suffix', 'echo'),
    fc.oneof(odd, fc.array(block, { maxLength: 2 })),
    { maxKeys: 5 },
  ),
  messages: fc.array(fc.oneof(message, odd), { minLength: 1, maxLength: 3 }),
})

/** Reads a request, which may only be refused with an error that is meant for the client. */
function read(reader: (request: JsonObject) => unknown, value: JsonObject): void {
  try {
    reader(value)
  } catch (error) {
    assert.ok(error instanceof GatewayError, String(error))
    assert.equal(error.code, 'invalid_request')
    assert.match(error.message, /^[\w.]+: ./)
  }
}

describe('the readers of requests of OpenAI’s clients', () => {
  it('read anything, or refuse it and name the field', () => {
    fc.assert(
      fc.property(request, ({ fields, messages }) => {
        read(readChatRequest, { model: 'm', messages, ...fields })
        read(readChatRequest, { model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...fields })
        read(readCompletionsRequest, { model: 'm', prompt: 'Hi', ...fields })
      }),
      { numRuns: 1_000 },
    )
  })
})
