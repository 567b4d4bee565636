import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { writeMessagesRequest } from '../../../src/dialects/anthropic/messages/request/write-request.ts'
import type { Conversation, Turn } from '../../../src/dialects/hub/contract/conversation.ts'
import type { FormatTarget, WrittenRequest } from '../../../src/dialects/hub/format.ts'
import { writeResponsesRequest } from '../../../src/dialects/openai/responses/request/write-request.ts'
import {
  assistant,
  call,
  conversation,
  result,
  results,
  system,
  target,
  thinking,
  tool,
  user,
} from './conversations.ts'

const writers: readonly [string, (conversation: Conversation, target: FormatTarget) => WrittenRequest][] = [
  ['Messages', writeMessagesRequest],
  ['Responses', writeResponsesRequest],
]
const text = fc.oneof(fc.string({ maxLength: 40 }), fc.constantFrom('', ' ', '\n', '"\\\u0000', '\ud800'))
const id = fc.constantFrom('a', 'b', 'a--2', '', 'call_1', 'functions.f:0')
const image = { kind: 'image' as const, source: { kind: 'file' as const, id: 'f' } }
const document = { kind: 'document' as const, source: { kind: 'url' as const, url: 'u' }, name: undefined }
const part = fc.oneof(text, fc.constantFrom(image, document))
const made = fc.oneof(
  text,
  id.map((each) => call(each, 'a.b')),
  text.map((each) => thinking(each, 's')),
)
const turn: fc.Arbitrary<Turn> = fc.oneof(
  text.map((each) => system(each)),
  fc.array(part, { maxLength: 4 }).map((parts) => user(...parts)),
  fc.array(made, { maxLength: 6 }).map((parts) => assistant(...parts)),
  fc
    .array(fc.tuple(id, text), { maxLength: 4 })
    .map((list) => results(...list.map(([key, said]) => result(key, said)))),
)
const conversations = fc
  .record({
    turns: fc.array(turn, { maxLength: 12 }),
    tools: fc.array(
      text.map((name) => tool(name)),
      { maxLength: 6 },
    ),
  })
  .map(({ turns, tools }) => conversation(turns, {}, { tools }))
const readers = target({ reasoningField: 'reasoning', readsFiles: true })

/** A request may be a small multiple of the conversation, plus a constant. */
function assertSmall(written: WrittenRequest, given: Conversation): void {
  const bytes = Buffer.byteLength(JSON.stringify(written.body))
  const received = Buffer.byteLength(JSON.stringify(given))
  assert.ok(bytes <= 4 * received + 4_096, `${bytes} of ${received} bytes`)
}

for (const [name, write] of writers) {
  describe(`the size of a ${name} request`, () => {
    it('is little more than that of the conversation', () => {
      fc.assert(
        fc.property(conversations, (each) => {
          assertSmall(write(each, readers), each)
          assertSmall(write(each, target()), each)
        }),
        { numRuns: 300 },
      )
    })

    it('is not the product of repeated IDs and results', () => {
      for (const count of [100, 1_000, 10_000]) {
        const calls = Array.from({ length: count }, () => call('t'))
        const each = conversation([user('x'), assistant(...calls), results(result('t', 'r'.repeat(count)))])
        assertSmall(write(each, readers), each)
      }
    })

    it('has a text for each, in its order, however the turns are', () => {
      fc.assert(
        fc.property(fc.array(fc.constantFrom('s', 'u', 'a'), { minLength: 1, maxLength: 20 }), (roles) => {
          const turns = roles.map((role, at) =>
            role === 's' ? system(`<${at}>`) : role === 'u' ? user(`<${at}>`) : assistant(`<${at}>`),
          )
          const sent = JSON.stringify(write(conversation(turns), target()).body)
          const found = [...sent.matchAll(/<(\d+)>/g)].map(([, at]) => Number(at))
          assert.deepEqual(
            found,
            roles.map((_, at) => at),
          )
        }),
      )
    })
  })
}
