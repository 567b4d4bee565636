import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { messageWriter } from '../../../../src/dialects/anthropic/messages/answer/write-answer.ts'
import type { AnswerEnding } from '../../../../src/dialects/hub/contract/answer.ts'
import { blockLists, distinct, endings, writeAnswer } from '../../hub/random-answers.ts'
import { meaning, Recording, record } from '../../hub/recording.ts'
import {
  begun,
  callOf,
  delta,
  ended,
  type MessageEvent,
  read,
  readMessages,
  started,
  stopped,
  textOf,
  thinkingOf,
} from './support.ts'

describe('an answer that is written as a message and read again', () => {
  for (const isStream of [true, false]) {
    it(`means the same, ${isStream ? 'streamed' : 'whole'}`, () => {
      fc.assert(
        fc.property(blockLists.map(distinct), endings, fc.nat(10_000), (list, ending, cut) => {
          if (list.length === 0) return
          const hasCalls = list.some(({ kind }) => kind === 'call')
          const reason = hasCalls && ending.reason === 'end' ? 'calls' : ending.reason
          const said = { ...ending, reason } as AnswerEnding
          const call = { messageId: 'msg_1', requestId: 'req' }
          const bytes = Buffer.from(writeAnswer(messageWriter(call, isStream), list, said))
          const original = new Recording()
          writeAnswer(original, list, said)
          const at = cut % (bytes.length + 1)
          const { answer } = record(
            readMessages,
            [bytes.subarray(0, at), bytes.subarray(at)],
            {},
            isStream ? 'sse' : 'whole',
          )
          const expected = meaning(original)
          assert.deepEqual(meaning(answer), {
            ...expected,
            signatures: expected.signatures.map((each) => (each === '' ? '' : `messages.:${each}`)),
            ...(isStream ? {} : { head: answer.head }),
          })
        }),
        { numRuns: 500 },
      )
    })
  }
})

describe('any Messages stream', () => {
  it('keeps the grammar of answers and loses nothing, however blocks interleave', () => {
    const scripts = fc.record({
      list: blockLists,
      order: fc.infiniteStream(fc.nat(1000)),
    })
    fc.assert(
      fc.property(scripts, ({ list, order }) => {
        const queues = list.map(({ kind, parts }, index) =>
          kind === 'text'
            ? textOf(index, ...parts)
            : kind === 'thinking'
              ? thinkingOf(index, parts.join(''))
              : callOf(index, `id_${index}`, `tool_${index}`, ...parts),
        )
        const events: MessageEvent[] = []
        for (;;) {
          const filled = queues.filter((queue) => queue.length > 0)
          const next = filled[(order.next().value as number) % filled.length]?.shift()
          if (next === undefined) break
          events.push(next)
        }
        const { answer } = read([started(), ...events, ...ended()])
        assert.equal(answer.failure, undefined)
        const calls = answer.blocks.filter(({ head }) => head.kind === 'call')
        for (const [index, { kind, parts }] of list.entries()) {
          if (kind !== 'call') continue
          const own = calls.find(({ head }) => head.kind === 'call' && head.id === `id_${index}`)
          assert.equal(own?.text, parts.join(''))
        }
        const said = (kind: string) =>
          events.map((event) => (event.delta as Record<string, string> | undefined)?.[kind] ?? '').join('')
        const visible = (text: string) => text.replaceAll(/\s+/g, '')
        assert.equal(visible(answer.textOf('text')), visible(said('text')))
        assert.equal(visible(answer.textOf('thinking')), visible(said('thinking')))
      }),
      { numRuns: 500 },
    )
  })

  it('ends exactly once, whatever arrives', () => {
    const anything = fc.anything({ maxDepth: 2 })
    const type = fc.constantFrom(
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
      'message',
      'error',
      'ping',
      'other',
    )
    const block = fc.record({
      type: fc.constantFrom('text', 'thinking', 'tool_use', 'other'),
      text: anything,
      id: anything,
      name: anything,
      input: anything,
    })
    const values = fc.oneof(
      fc.constantFrom(started(), begun(0, { type: 'text', text: '' }), stopped(0), ...ended()),
      fc.constantFrom(
        delta(0, 'text_delta', { text: 'x' }),
        delta(1, 'input_json_delta', { partial_json: '{' }),
      ),
      fc.record({
        type,
        index: anything,
        content_block: fc.oneof(block, anything),
        delta: fc.oneof(fc.record({ type: fc.string(), stop_reason: anything }), anything),
        message: fc.oneof(fc.record({ usage: anything, content: fc.array(block) }), anything),
        content: fc.oneof(fc.array(block), anything),
        usage: anything,
        error: anything,
      }),
    )
    fc.assert(
      fc.property(fc.array(values, { maxLength: 8 }), (list) => {
        const bytes = Buffer.from(list.map((each) => `data: ${stringified(each)}\n\n`).join(''))
        const { answer, translation } = record(readMessages, [bytes])
        assert.equal(answer.failure === undefined, answer.ending !== undefined)
        assert.equal(translation.outcome, answer.failure === undefined ? 'complete' : 'failed')
      }),
      { numRuns: 1000 },
    )
  })

  it('is bounded: endless blocks and nesting fail', () => {
    const endless = Array.from({ length: 10_001 }, (_, index) => begun(index, { type: 'text', text: '' }))
    assert.match(read([started(), ...endless]).answer.failure?.message ?? '', /too many blocks/)
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    const body = `{"type":"message","content":[{"type":"tool_use","id":"a","name":"f","input":{"x":${deep}}}]}`
    const { answer } = record(readMessages, [Buffer.from(body)], {}, 'whole')
    assert.notEqual(answer.failure, undefined)
  })
})

function stringified(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null'
  } catch {
    return 'null'
  }
}
