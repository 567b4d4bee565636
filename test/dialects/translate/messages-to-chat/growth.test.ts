import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { chunk, expectedAnswer, toSse, translate, translateAnswer } from './support.ts'

const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.constantFrom('', ' ', '\n', '"\\\u0000', '<think>', '</think>', '\ud800'),
)
const id = fc.constantFrom('a', 'b', 'a--2', '', 'toolu_1')
const textBlock = text.map((value) => ({ type: 'text', text: value }))
const otherBlock = fc.constantFrom<object>(
  { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } },
  { type: 'thinking', thinking: 't', signature: 's' },
  { type: 'unknown', x: [1, 2, {}] },
  {},
)
const toolUse = fc.record({
  type: fc.constant('tool_use'),
  id,
  name: text,
  input: fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
})
const toolResult = fc.record({
  type: fc.constant('tool_result'),
  tool_use_id: id,
  is_error: fc.boolean(),
  content: fc.oneof(text, fc.array(fc.oneof(textBlock, otherBlock), { maxLength: 4 })),
})
const content = fc.oneof(
  text,
  fc.array(fc.oneof<fc.Arbitrary<object>[]>(textBlock, otherBlock, toolUse, toolResult), { maxLength: 12 }),
)
const message = fc.record({ role: fc.constantFrom('user', 'assistant', 'system'), content })
const tool = fc.record({
  name: text,
  description: text,
  input_schema: fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
})
const requests = fc.record({
  model: fc.constant('m'),
  max_tokens: fc.nat(),
  system: fc.oneof(text, fc.array(textBlock, { maxLength: 4 })),
  messages: fc.array(message, { maxLength: 12 }),
  tools: fc.array(tool, { maxLength: 6 }),
})

const piece = fc.record({
  index: fc.nat(5),
  id,
  function: fc.record({ name: fc.constantFrom('', 'f', 'get'), arguments: fc.oneof(text, fc.json()) }),
})
const delta = fc.oneof<fc.Arbitrary<object>[]>(
  fc.record({ content: text }),
  fc.record({ reasoning_content: text }),
  fc.record({ content: fc.array(textBlock, { maxLength: 3 }) }),
  fc.record({ tool_calls: fc.array(piece, { maxLength: 3 }) }),
)

/** A translation may be a small multiple of its input, plus a constant. */
function assertSmall(translated: number, received: number): void {
  assert.ok(translated <= 4 * received + 4_096, `${translated} of ${received} bytes`)
}

describe('the size of a translation', () => {
  it('of a request is little more than the request', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const chat = translate(request, { maxToolNameLength: 64, readsFiles: true })
        assertSmall(Buffer.byteLength(JSON.stringify(chat)), Buffer.byteLength(JSON.stringify(request)))
      }),
      { numRuns: 300 },
    )
  })

  it('of an answer is little more than the answer', () => {
    fc.assert(
      fc.property(fc.array(delta, { maxLength: 40 }), fc.constantFrom('stream', 'whole'), (deltas, to) => {
        const received = toSse(deltas.map((each) => chunk(each)))
        const translation = translateAnswer('stream', to, expectedAnswer())
        const written = translation.push(received).length + translation.end().length
        assertSmall(written, received.length)
      }),
      { numRuns: 300 },
    )
  })

  it('of many repeated IDs and results is not their product', () => {
    for (const count of [100, 1_000, 10_000]) {
      const request = {
        model: 'm',
        messages: [
          { role: 'user', content: 'x' },
          {
            role: 'assistant',
            content: Array.from({ length: count }, () => ({
              type: 'tool_use',
              id: 't',
              name: 'f',
              input: {},
            })),
          },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'r'.repeat(count) }] },
        ],
      }
      assertSmall(JSON.stringify(translate(request)).length, JSON.stringify(request).length)
    }
  })
})
