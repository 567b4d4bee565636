import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Feature, refusedFeatures } from '../../../../src/dialects/hub/contract/features.ts'
import { readCompletionsRequest } from '../../../../src/dialects/openai/completions/read-request.ts'
import { completionsFates } from '../../../../src/dialects/openai/completions/write-request.ts'
import { refuses } from '../support.ts'

const read = (fields: object) => readCompletionsRequest({ model: 'm', ...fields })

describe('reading a completions request', () => {
  const rows: readonly (readonly [fields: object, prompt: string, uses: Feature[]])[] = [
    [{ prompt: 'Once' }, 'Once', []],
    [{ prompt: ['Once'] }, 'Once', []],
    [{ prompt: null }, '', []],
    [{ prompt: 'a', echo: true }, 'a', ['echo']],
    [{ prompt: 'a', echo: false, n: 1, best_of: 1, suffix: '', logprobs: null }, 'a', []],
    [{ prompt: 'a', suffix: 'z' }, 'a', ['suffix']],
    [{ prompt: 'a', logprobs: 0 }, 'a', ['completion_logprobs']],
    [{ prompt: 'a', n: 2, best_of: 3 }, 'a', ['best_of', 'choices']],
    [{ prompt: 'a', max_tokens: 0 }, 'a', ['max_tokens']],
    [{ prompt: 'a', stream: true, stream_options: { include_usage: true } }, 'a', ['stream_usage']],
    [{ prompt: 'a', guided_regex: 'a+' }, 'a', ['grammar']],
  ]
  for (const [fields, prompt, uses] of rows) {
    it(JSON.stringify(fields), () => {
      const { turns, uses: used, tools } = read(fields)
      assert.deepEqual(turns, [{ role: 'user', parts: [{ kind: 'text', text: prompt }] }])
      assert.deepEqual([...used].sort(), ['plain_prompt', ...uses].sort())
      assert.deepEqual(tools, [])
    })
  }

  it('reads settings', () => {
    const { settings } = read({ prompt: 'a', suffix: 'z', logprobs: 3, stop: '\n', seed: 1, max_tokens: 16 })
    const { suffix, logprobs, stop, seed, maxTokens } = settings
    assert.deepEqual([suffix, logprobs, stop, seed, maxTokens], ['z', 3, ['\n'], 1, 16])
  })

  it('refuses what is no prompt', () => {
    refuses(() => read({}), 'prompt')
    refuses(() => read({ prompt: 7 }), 'prompt')
    refuses(() => read({ prompt: [] }), 'prompt')
    refuses(() => read({ prompt: [{}] }), 'prompt.0')
    refuses(() => read({ prompt: 'a', logprobs: 'x' }), 'logprobs')
  })

  it('refuses prompts that a conversation cannot be (labscommunity/cascadia#92)', () => {
    for (const prompt of [['a', 'b'], [1, 2], [[1, 2]], [[1], [2]]]) refuses(() => read({ prompt }), 'prompt')
    refuses(() => read({ prompt_embeds: 'AAAA' }), 'prompt_embeds')
  })

  it('uses what even a translation to the same API cannot carry', () => {
    const refused = (fields: object) => refusedFeatures(read(fields).uses, completionsFates)
    assert.deepEqual(refused({ prompt: 'a', suffix: 'z', logprobs: 2 }), [])
    assert.deepEqual(refused({ prompt: 'a', echo: true }), ['echo'])
    assert.deepEqual(refused({ prompt: 'a', n: 2 }), ['choices'])
  })
})
