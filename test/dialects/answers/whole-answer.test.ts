import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isPlainAnswer, judgeWhole } from '../../../src/dialects/answers/whole-answer.ts'
import { chat } from '../../../src/dialects/openai/chat.ts'

describe('isPlainAnswer for chat answers', () => {
  for (const [text, expected] of [
    ['{"choices":[{"index":0}]}', true],
    ['{"id":"x","object":"chat.completion","created":1,"tier":null,"choices":[{"index":0}]}', true],
    ['{"id":"x","choices":[{"index":0', true],
    ['{"choices":[]}', false],
    ['{"choices":null}', false],
    ['{"error":"busy","choices":[{"index":0}]}', false],
    ['{"error":null,"choices":[{"index":0}]}', false],
    ['{"detail":{"choices":[{"index":0}]}}', false],
    ['{"id":"\\",\\"choices\\":[{","error":"busy"}', false],
    ['["choices",[{}]]', false],
  ] as const) {
    it(`${expected ? 'accepts' : 'does not accept'} ${text}`, () =>
      assert.equal(isPlainAnswer(chat, Buffer.from(text)), expected))
  }

  it('never accepts an answer that judgeWhole rejects', () => {
    const value = fc.oneof(
      fc.constantFrom(null, 0, 'x', '"choices":[{', [{}], [], { choices: [{}] }, { message: 'busy' }),
      fc.string(),
    )
    const name = fc.constantFrom('id', 'choices', 'error', 'message', 'detail', 'choices":[{', 'x')
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 4 }), (members) => {
        const text = `{${members.map(([key, each]) => `${JSON.stringify(key)}:${JSON.stringify(each)}`).join(',')}}`
        const bytes = Buffer.from(text)
        if (isPlainAnswer(chat, bytes)) assert.equal(judgeWhole(bytes, true), 'good')
      }),
      { numRuns: 2_000 },
    )
  })
})
