import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formats } from '../../../src/dialects/all.ts'
import { ollamaChatFormat } from '../../../src/dialects/ollama/chat/format.ts'
import { ollamaGenerateFormat } from '../../../src/dialects/ollama/generate/format.ts'
import { GatewayError } from '../../../src/kernel/errors.ts'
import { target } from './support.ts'

const any = fc.jsonValue({ maxDepth: 3 })
/** The usual value, or any. */
const mostly = <T>(usual: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 30, arbitrary: usual }, { weight: 1, arbitrary: any })
const call = fc.record(
  {
    id: mostly(fc.constantFrom('a', 'b', '')),
    function: mostly(
      fc.record({
        name: mostly(fc.constantFrom('f', 'g')),
        arguments: mostly(fc.dictionary(fc.string(), any)),
      }),
    ),
  },
  { requiredKeys: ['function'] },
)
const message = fc
  .record(
    {
      role: mostly(fc.constantFrom('user', 'assistant', 'tool', 'system', 'Developer')),
      content: mostly(
        fc.oneof(fc.string(), fc.array(mostly(fc.record({ type: fc.constant('text'), text: fc.string() })))),
      ),
      thinking: mostly(fc.string()),
      images: mostly(fc.array(mostly(fc.constantFrom('iVBORw0KGgo=', 'UklGRi4uLi5XQVZF')), { maxLength: 2 })),
      tool_calls: mostly(fc.array(mostly(call), { maxLength: 3 })),
      tool_name: mostly(fc.constantFrom('f', 'g')),
      tool_call_id: mostly(fc.constantFrom('a', 'x', '')),
    },
    { requiredKeys: ['role', 'content'] },
  )
  .map((given) => (given.role === 'user' || given.role === 'tool' ? given : { ...given, images: undefined }))
const shared = {
  stream: mostly(fc.boolean()),
  format: mostly(fc.constantFrom<unknown>('', 'json', { type: 'object' })),
  think: mostly(fc.constantFrom<unknown>(true, false, 'low', null)),
  keep_alive: mostly(fc.constantFrom<unknown>(0, '5m', -1)),
  options: mostly(fc.dictionary(fc.constantFrom('num_predict', 'top_k', 'seed', 'top_p'), mostly(fc.nat()))),
  logprobs: mostly(fc.boolean()),
}
const chat = fc.record(
  {
    messages: mostly(fc.array(mostly(message), { minLength: 1, maxLength: 8 })),
    tools: mostly(
      fc.array(
        mostly(
          fc.record({
            type: fc.constant('function'),
            function: mostly(fc.record({ name: fc.constant('f'), parameters: any })),
          }),
        ),
      ),
    ),
    ...shared,
  },
  { requiredKeys: ['messages'] },
)
const generate = fc.record(
  {
    prompt: mostly(fc.string({ minLength: 1 })),
    system: mostly(fc.string()),
    suffix: mostly(fc.string()),
    template: mostly(fc.constant('')),
    raw: mostly(fc.boolean()),
    context: mostly(fc.array(fc.nat())),
    images: mostly(fc.array(mostly(fc.constant('iVBORw0KGgo=')))),
    ...shared,
  },
  { requiredKeys: ['prompt'] },
)

describe('any request of Ollama’s API', () => {
  for (const [format, requests] of [
    [ollamaChatFormat, chat],
    [ollamaGenerateFormat, generate],
  ] as const) {
    it(`to ${format.path} is refused with the field, or can be written in every format`, () => {
      let read = 0
      fc.assert(
        fc.property(requests, (request) => {
          const endpoint = target({ maxToolNameLength: 64, isThinker: true })
          try {
            const conversation = format.readRequest(request)
            read++
            for (const to of formats) {
              const { body } = to.writeRequest(conversation, endpoint)
              assert.equal(body.model, 'native')
              assert.ok(JSON.parse(JSON.stringify(body)))
            }
          } catch (error) {
            assert.ok(error instanceof GatewayError, String(error))
            assert.equal(error.code, 'invalid_request')
            assert.match(error.message, /^[a-z_]+[a-z0-9_.]*: /)
          }
        }),
        { numRuns: 400 },
      )
      assert.ok(read > 40, `only ${read} were read`)
    })
  }
})
