import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { chatWriterFor, chunk, sse, translate } from '../support.ts'
import { accumulate } from './chunk-grammar.ts'

const usage = { prompt_tokens: 9, completion_tokens: 4 }

const call = (index: number, args: string) => ({ tool_calls: [{ index, function: { arguments: args } }] })
const begin = (index: number, id: string | undefined, name: string) => ({
  tool_calls: [
    { index, ...(id === undefined ? {} : { id }), type: 'function', function: { name, arguments: '' } },
  ],
})

/** Deltas of an endpoint in any order: text, thinking, refusals, and calls that interleave. */
const delta = fc.oneof(
  fc.string({ maxLength: 6 }).map((content) => ({ content })),
  fc.string({ maxLength: 6 }).map((reasoning_content) => ({ reasoning_content })),
  fc.string({ maxLength: 6 }).map((refusal) => ({ refusal })),
  fc
    .record({ index: fc.nat(3), id: fc.option(fc.constantFrom('a', 'b', ''), { nil: undefined }) })
    .map(({ index, id }) => begin(index, id, `tool${index}`)),
  fc
    .record({ index: fc.nat(3), args: fc.constantFrom('{"a"', ':1}', '{}', '{"b":"c"}', 'null', '') })
    .map(({ index, args }) => call(index, args)),
  fc.constant({}),
)
const stream = fc.record({
  deltas: fc.array(delta, { maxLength: 30 }),
  reason: fc.constantFrom('stop', 'length', 'tool_calls', 'content_filter', 'abort', undefined),
  end: fc.constantFrom('data: [DONE]\n\n', ''),
  hasUsage: fc.boolean(),
})

describe('the chunks of a chat completion', () => {
  it('follow the grammar whatever the endpoint sends, and mean the same as the whole answer', () => {
    fc.assert(
      fc.property(stream, ({ deltas, reason, end, hasUsage }) => {
        const chunks = deltas.map((each) => chunk(each))
        if (reason !== undefined) chunks.push(chunk({}, reason), { choices: [], usage })
        const bytes = sse(chunks, end)
        const fields = { stream: true, stream_options: { include_usage: hasUsage } }
        const streamed = translate('sse', chatWriterFor(fields), false, [bytes])
        const whole = translate('sse', chatWriterFor(), true, [bytes])
        assert.equal(whole.outcome, streamed.outcome)
        const sum = accumulate(streamed.text, hasUsage)
        const body = JSON.parse(whole.text)
        assert.equal(sum.error !== undefined, streamed.outcome === 'failed')
        if (sum.error !== undefined) {
          assert.deepEqual(body, { error: sum.error })
          return
        }
        const [choice] = body.choices
        const { message } = choice
        assert.equal(choice.finish_reason, sum.finishReason)
        assert.equal(message.content, sum.content)
        assert.equal(message.refusal, sum.refusal)
        assert.equal(message.reasoning_content ?? '', sum.reasoning)
        const calls = (message.tool_calls ?? []).map(
          (each: { id: string; function: Record<string, string> }) => ({
            id: each.id,
            name: each.function.name,
            args: each.function.arguments,
          }),
        )
        assert.deepEqual(calls, sum.calls)
        if (hasUsage) assert.deepEqual(body.usage, sum.usage)
      }),
      { numRuns: 500 },
    )
  })

  it('are the same wherever the endpoint’s bytes are cut', () => {
    const bytes = sse([
      chunk({ role: 'assistant', content: '<think>Hm' }),
      chunk({ content: 'm</think>\n\nÄ' }),
      chunk({ content: '😀!' }),
      chunk(begin(0, 'c1', 'weather')),
      chunk(call(0, '{"city":"Köln"')),
      chunk(call(0, '}')),
      chunk({}, 'tool_calls', {}),
      { choices: [], usage },
    ])
    const fields = { stream: true, stream_options: { include_usage: true } }
    const expected = translate('sse', chatWriterFor(fields), false, [bytes]).text
    const sum = accumulate(expected, true)
    assert.deepEqual(
      [sum.reasoning, sum.content, sum.calls, sum.finishReason],
      ['Hmm', 'Ä😀!', [{ id: 'c1', name: 'weather', args: '{"city":"Köln"}' }], 'tool_calls'],
    )
    for (let at = 0; at <= bytes.length; at++) {
      const { text } = translate('sse', chatWriterFor(fields), false, [
        bytes.subarray(0, at),
        bytes.subarray(at),
      ])
      assert.equal(text, expected, `cut at ${at}`)
    }
  })
})
