import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { continuedChat, continuedCompletion } from '../../../src/dialects/continuation/continued-request.ts'
import { SentSpace } from '../../../src/dialects/continuation/sent-space.ts'

const sent = { text: 'Once upon', tokens: 2 }
const user = { role: 'user', content: 'Tell' }

describe('the request that continues an answer', () => {
  it('ends with the text, as an engine needs it', () => {
    assert.deepEqual(continuedChat({ messages: [user], max_tokens: 10 }, sent, true), {
      messages: [user, { role: 'assistant', content: 'Once upon' }],
      max_tokens: 8,
      add_generation_prompt: false,
      continue_final_message: true,
    })
    assert.deepEqual(continuedChat({ messages: [user], options: { num_predict: 5, seed: 1 } }, sent, false), {
      messages: [user, { role: 'assistant', content: 'Once upon' }],
      options: { num_predict: 3, seed: 1 },
    })
    const prefilled = [user, { role: 'assistant', content: 'So: ' }]
    assert.deepEqual(continuedChat({ messages: prefilled }, sent, false)?.messages, [
      user,
      { role: 'assistant', content: 'So: Once upon' },
    ])
    assert.equal(continuedCompletion({ prompt: 'A: ' }, sent)?.prompt, 'A: Once upon')
  })

  it('does not exist if the answer may be more than one plain text', () => {
    for (const more of [
      { n: 2 },
      { response_format: { type: 'json_object' } },
      { response_format: { type: 'json_schema', json_schema: {} } },
      { guided_json: {} },
      { structured_outputs: { json: {} } },
      { grammar: 'root ::= "a"' },
      { format: 'json' },
      { format: { type: 'object' } },
      { output_config: { format: { type: 'json_schema' } } },
      { logprobs: true },
      { top_logprobs: 2 },
      { modalities: ['text', 'audio'] },
      { thinking: { type: 'enabled', budget_tokens: 1024 } },
      { max_tokens: 2 },
      { max_completion_tokens: 1 },
      { options: { num_predict: 2 } },
    ])
      assert.equal(continuedChat({ messages: [user], ...more }, sent, false), undefined, JSON.stringify(more))
    for (const more of [
      { prompt: ['a', 'b'] },
      { prompt: [1, 2] },
      { echo: true },
      { suffix: 'x' },
      { best_of: 3 },
    ])
      assert.equal(continuedCompletion({ prompt: 'a', ...more }, sent), undefined, JSON.stringify(more))
    assert.equal(continuedChat({}, sent, false), undefined)
    assert.equal(continuedChat({ messages: [{ role: 'assistant', content: [] }] }, sent, false), undefined)
  })

  it('exists beside members that are off', () => {
    const off = {
      n: 1,
      response_format: { type: 'text' },
      logprobs: false,
      top_logprobs: 0,
      modalities: ['text'],
      thinking: { type: 'disabled' },
      tools: [{ type: 'function', function: { name: 'f' } }],
      max_tokens: 3,
    }
    assert.equal(continuedChat({ messages: [user], ...off }, sent, false)?.max_tokens, 1)
  })
})

describe('SentSpace', () => {
  it('leaves the text exact, whether an engine repeats the white space, a part or none', () => {
    const space = fc.stringMatching(/^[ \n\t]{0,4}$/)
    const rest = fc.stringMatching(/^[a-c][a-c \n]{0,12}$/)
    fc.assert(
      fc.property(space, rest, fc.nat(4), fc.integer({ min: 1, max: 5 }), (sentSpace, text, from, size) => {
        const trim = new SentSpace(sentSpace)
        const whole = sentSpace.slice(from === 4 ? sentSpace.length : 0) + text
        let out = ''
        for (let at = 0; at < whole.length; at += size) out += trim.push(whole.slice(at, at + size))
        assert.equal(out, text)
      }),
    )
  })
})
