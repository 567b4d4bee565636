import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { AnswerEnding } from '../../../../src/dialects/hub/contract/answer.ts'
import { responsesWriter } from '../../../../src/dialects/openai/responses/answer/write-answer.ts'
import { blockLists, distinct, endings, writeAnswer } from '../../hub/random-answers.ts'
import { meaning, Recording, record } from '../../hub/recording.ts'
import {
  callOf,
  completed,
  created,
  customOf,
  messageOf,
  type ResponseEvent,
  read,
  readResponses,
  reasoningOf,
  response,
} from './endpoint-support.ts'
import { callOf as formatCallOf } from './support.ts'

/** The API has no cache writes, and reports a full context as an error. */
const known = endings
  .filter(({ reason }) => reason !== 'context_full')
  .map((ending) => ({
    ...ending,
    usage: { ...ending.usage, cacheWriteTokens: 0, reasoningTokens: 3 },
  }))

describe('an answer that is written as a response and read again', () => {
  for (const isStream of [true, false]) {
    it(`means the same, ${isStream ? 'streamed' : 'whole'}`, () => {
      fc.assert(
        fc.property(blockLists.map(distinct), known, fc.nat(10_000), (list, ending, cut) => {
          if (list.length === 0) return
          const hasCalls = list.some(({ kind }) => kind === 'call')
          const reason = hasCalls && ending.reason === 'end' ? 'calls' : ending.reason
          const said: AnswerEnding = { ...ending, reason }
          const request = { model: 'm', input: 'Hi', stream: isStream, reasoning: { summary: 'auto' } }
          const bytes = Buffer.from(writeAnswer(responsesWriter(formatCallOf(request)), list, said))
          const original = new Recording()
          writeAnswer(original, list, said)
          const at = cut % (bytes.length + 1)
          const chunks = [bytes.subarray(0, at), bytes.subarray(at)]
          const { answer } = record(readResponses, chunks, {}, isStream ? 'sse' : 'whole')
          const { content, ending: read, failure } = meaning(answer)
          assert.deepEqual(
            { content, read, failure },
            { content: original.content, read: said, failure: undefined },
          )
        }),
        { numRuns: 500 },
      )
    })
  }
})

describe('any Responses stream', () => {
  it('keeps the grammar of answers and loses nothing, however items interleave', () => {
    const scripts = fc.record({
      list: blockLists,
      order: fc.infiniteStream(fc.nat(1000)),
      dropped: fc.constantFrom(/never/, /content_part/, /text\.done|arguments\.done/, /item\.done/),
    })
    fc.assert(
      fc.property(scripts, ({ list, order, dropped }) => {
        const queues = list.map(({ kind, parts }, index) =>
          kind === 'text'
            ? messageOf(index, `id_${index}`, ...parts)
            : kind === 'thinking'
              ? reasoningOf(index, `id_${index}`, {}, ...parts)
              : callOf(index, `id_${index}`, `call_${index}`, `tool_${index}`, ...parts),
        )
        const events: ResponseEvent[] = []
        for (;;) {
          const filled = queues.filter((queue) => queue.length > 0)
          const next = filled[(order.next().value as number) % filled.length]?.shift()
          if (next === undefined) break
          if (!dropped.test(next.type)) events.push(next)
        }
        const { answer } = read([created(), ...events, completed()])
        assert.equal(answer.failure, undefined)
        const calls = answer.blocks.filter(({ head }) => head.kind === 'call')
        for (const [index, { kind, parts }] of list.entries()) {
          if (kind !== 'call') continue
          const own = calls.find(({ head }) => head.kind === 'call' && head.id === `call_${index}`)
          assert.equal(own?.text, parts.join(''))
        }
        const said = (type: RegExp) =>
          events.map((event) => (type.test(event.type) ? event.delta : '')).join('')
        const visible = (text: string) => text.replaceAll(/\s+/g, '')
        assert.equal(visible(answer.textOf('text')), visible(said(/output_text\.delta/)))
        assert.equal(visible(answer.textOf('thinking')), visible(said(/reasoning_text\.delta/)))
      }),
      { numRuns: 500 },
    )
  })

  it('ends exactly once, whatever arrives', () => {
    const anything = fc.anything({ maxDepth: 2 })
    const known = [
      created(),
      ...messageOf(0, 'm', 'a'),
      ...callOf(1, 'f', 'c', 'f', '{"a":', '1}'),
      ...customOf(2, 'x', 'd', 'in'),
      ...reasoningOf(3, 'r', {}, 'Hm'),
      completed(),
    ]
    const item = fc.record({
      type: fc.constantFrom('message', 'reasoning', 'function_call', 'custom_tool_call', 'other'),
      id: anything,
      call_id: anything,
      name: anything,
      arguments: anything,
      input: anything,
      content: anything,
      summary: anything,
    })
    const values = fc.oneof(
      fc.constantFrom(...known),
      fc.record({
        type: fc.constantFrom(...new Set(known.map(({ type }) => type)), 'error', 'response.failed', 'other'),
        item_id: anything,
        output_index: anything,
        content_index: anything,
        delta: anything,
        text: anything,
        item: fc.oneof(item, anything),
        response: fc.oneof(
          fc.record({ output: fc.array(item), usage: anything, status: anything, error: anything }),
          anything,
        ),
        output: anything,
        error: anything,
      }),
    )
    fc.assert(
      fc.property(fc.array(values, { maxLength: 8 }), (list) => {
        const bytes = Buffer.from(list.map((each) => `data: ${stringified(each)}\n\n`).join(''))
        const { answer, translation } = record(readResponses, [bytes])
        assert.equal(answer.failure === undefined, answer.ending !== undefined)
        assert.equal(translation.outcome, answer.failure === undefined ? 'complete' : 'failed')
      }),
      { numRuns: 1_000 },
    )
  })

  it('is bounded: endless items and nesting fail', () => {
    const endless = Array.from(
      { length: 10_001 },
      (_, index) => messageOf(index, `m_${index}`)[0] as ResponseEvent,
    )
    assert.match(read([created(), ...endless]).answer.failure?.message ?? '', /too many items/)
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    const item = `{"type":"function_call","call_id":"c","name":"f","arguments":{"x":${deep}}}`
    const body = JSON.stringify(response()).replace('"output":[]', `"output":[${item}]`)
    const { answer } = record(readResponses, [Buffer.from(body)], {}, 'whole')
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
