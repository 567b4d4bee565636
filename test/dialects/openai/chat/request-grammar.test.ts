import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { AssistantPart, Part, Turn } from '../../../../src/dialects/hub/contract/conversation.ts'
import { readChatRequest } from '../../../../src/dialects/openai/chat/request/read-request.ts'
import { writeChatRequest } from '../../../../src/dialects/openai/chat/request/write-request.ts'
import { plainChat } from '../../../../src/endpoints/profiles/chat-shape.ts'
import { messages } from './support.ts'

const text = fc
  .constantFrom('a', 'b', '', 'Error: c')
  .map((value) => ({ kind: 'text', text: value }) as const)
const part = fc.oneof<fc.Arbitrary<Part>[]>(
  text,
  fc.constant({ kind: 'image', source: { kind: 'data', data: 'AA==', mediaType: 'image/png' } }),
  fc.constant({ kind: 'document', source: { kind: 'url', url: 'https://example.com' }, name: undefined }),
)
const parts = fc.array(part, { maxLength: 3 })
const id = fc.constantFrom('1', '2', '1--2', '')
const name = fc.constantFrom('f', 'g')
const answerPart = fc.oneof<fc.Arbitrary<AssistantPart>[]>(
  text,
  fc.constant({ kind: 'thinking', text: 'h' }),
  fc.constant({ kind: 'refusal', text: 'no' }),
  fc.record({ kind: fc.constant('call' as const), id, name, args: fc.constant('{}') }),
)
const result = fc.record({
  callId: id,
  name: fc.option(name, { nil: undefined }),
  parts,
  isError: fc.boolean(),
})
const turn = fc.oneof<fc.Arbitrary<Turn>[]>(
  fc.record({
    role: fc.constant('system' as const),
    text: fc.constantFrom('s', ''),
    isDeveloper: fc.boolean(),
  }),
  fc.record({
    role: fc.constant('user' as const),
    parts,
    name: fc.option(fc.constantFrom('Ann', 'Bob'), { nil: undefined }),
  }),
  fc.record({ role: fc.constant('assistant' as const), parts: fc.array(answerPart, { maxLength: 4 }) }),
  fc.record({ role: fc.constant('results' as const), results: fc.array(result, { maxLength: 3 }) }),
)
const conversations = fc.array(turn, { maxLength: 10 })

/** Roles in short, with the calls of an assistant and the call of a result. */
function shape(sent: readonly Record<string, unknown>[]): { role: string; ids: string[] }[] {
  return sent.map(({ role, tool_calls: calls = [], tool_call_id }) => ({
    role: String(role),
    ids:
      role === 'tool' ? [String(tool_call_id)] : (calls as { id: string }[]).map(({ id: callId }) => callId),
  }))
}

describe('the messages of any chat request', () => {
  it('follow the grammar of the API', () => {
    fc.assert(
      fc.property(conversations, (turns) => {
        const sent = messages(turns)
        let open: string[] = []
        shape(sent).forEach(({ role, ids }, index) => {
          if (role === 'system') assert.equal(index, 0)
          if (role === 'tool') {
            // In the order of the calls; some may have no result.
            const at = open.indexOf(ids[0] ?? '')
            assert.ok(at >= 0, `a result of ${ids[0]} after ${open}`)
            open = open.slice(at + 1)
            return
          }
          open = ids
          assert.equal(new Set(ids).size, ids.length)
          assert.ok(ids.every((each) => each !== ''))
        })
        sent.forEach(({ role, name: speaker }, index) => {
          const next = sent[index + 1]
          if (role === 'user') {
            assert.ok(next?.role !== 'user' || next.name !== speaker)
          } else if (role === 'assistant') assert.notEqual(next?.role, 'assistant')
        })
      }),
      { numRuns: 500 },
    )
  })

  it('stay the same when they are read and written again', () => {
    fc.assert(
      fc.property(conversations, (turns) => {
        const sent = messages(turns)
        fc.pre(sent.length > 0)
        const again = readChatRequest({ model: 'm', messages: sent })
        const target = { model: 'm', traits: plainChat }
        assert.deepEqual(writeChatRequest(again, target).body.messages, sent)
      }),
      { numRuns: 500 },
    )
  })
})
