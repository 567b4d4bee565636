import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chunk, events, usage } from '../responses/support.ts'

const tokensOf = (chunks: readonly object[], end?: string) => {
  const { input_tokens, output_tokens } = (events({}, chunks, end).at(-1)?.response?.usage ?? {}) as Record<
    string,
    number
  >
  return [input_tokens, output_tokens]
}
const text = (beside: object = {}) => chunk({ content: 'hello' }, null, beside)
const stop = (beside: object = {}) => chunk({}, 'stop', beside)
const last = { model: 'm', choices: [], ...usage(3, 9) }

describe('the usage of a streamed chat completion', () => {
  for (const [where, chunks] of Object.entries({
    'in a chunk after the end': [text(), stop(), last],
    'in the chunk of the end': [text(), stop(usage(3, 9))],
    'in every chunk': [text(usage(3, 1)), stop(usage(3, 9)), last],
    'in some chunks before, and after the end': [text(usage(3, 1)), stop(), last],
    'null until the end': [text({ usage: null }), stop({ usage: null }), last],
    'only before the end': [text(usage(3, 9)), stop()],
  })) {
    it(`is the last one: ${where}`, () => {
      assert.deepEqual(tokensOf(chunks), [3, 9])
      assert.deepEqual(tokensOf(chunks, ''), [3, 9])
    })
  }
})
