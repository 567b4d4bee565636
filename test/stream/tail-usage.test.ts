import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readTailUsage } from '../../src/stream/tail-usage.ts'

const read = (text: string) => readTailUsage(Buffer.from(text))

describe('readTailUsage', () => {
  it('reads the usage of an OpenAI answer', () => {
    const text = '{"choices":[],"usage":{"prompt_tokens": 12,"completion_tokens":34,"total_tokens":46}}'
    assert.deepEqual(read(text), { promptTokens: 12, completionTokens: 34 })
  })

  it('reads the last usage of a stream', () => {
    const text =
      'data: {"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\ndata: {"usage":{"prompt_tokens":5,"completion_tokens":9}}\n\ndata: [DONE]\n\n'
    assert.deepEqual(read(text), { promptTokens: 5, completionTokens: 9 })
  })

  it('reads the counts of Ollama', () => {
    assert.deepEqual(read('{"done":true,"prompt_eval_count":7,"eval_count":8}\n'), {
      promptTokens: 7,
      completionTokens: 8,
    })
  })

  it('reads what Anthropic tells at the end of a stream', () => {
    assert.deepEqual(read('event: message_delta\ndata: {"usage":{"output_tokens":20}}\n\n'), {
      promptTokens: undefined,
      completionTokens: 20,
    })
  })

  it('knows nothing where nothing is reported', () => {
    assert.equal(read('{"usage":null}'), undefined)
    assert.equal(read(''), undefined)
  })
})
