import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Feature, refusedFeatures } from '../../../../src/dialects/hub/contract/features.ts'
import { readCompletionsRequest } from '../../../../src/dialects/openai/completions/read-request.ts'
import {
  completionsFates,
  writeCompletionsRequest,
} from '../../../../src/dialects/openai/completions/write-request.ts'
import { readChat, refuses } from '../support.ts'

const traits = {
  reasoningField: 'none',
  thinkingSwitch: 'none',
  readsFiles: false,
  continuesMessages: false,
  repeatPenalty: 'repetition_penalty',
} as const
const target = { model: 'native', traits }
const write = (fields: object) => writeCompletionsRequest(readChat(fields), target).body

describe('writing a completions request', () => {
  it('writes a prompt with its settings as it was', () => {
    const request = {
      model: 'native',
      prompt: 'Once',
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 5,
      temperature: 0,
      top_p: 0.5,
      top_k: 4,
      min_p: 0.1,
      repetition_penalty: 1.1,
      seed: 1,
      stop: ['a'],
      presence_penalty: 0.1,
      frequency_penalty: 0.2,
      logit_bias: { 1: 2 },
      suffix: 'z',
      logprobs: 2,
      user: 'u',
    }
    assert.deepEqual(writeCompletionsRequest(readCompletionsRequest(request), target).body, request)
  })

  it('keeps blank text around a prompt', () => {
    const { body } = writeCompletionsRequest(readCompletionsRequest({ prompt: ' \n' }), target)
    assert.equal(body.prompt, ' \n')
  })

  const rows: readonly (readonly [name: string, messages: object[], prompt: string])[] = [
    ['one message', [{ role: 'user', content: 'Hi' }], 'Hi'],
    [
      'a system prompt',
      [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'Hi' },
      ],
      'Be brief.\n\nHi',
    ],
    [
      'parts',
      [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
        },
      ],
      'a\n\nb',
    ],
  ]
  for (const [name, messages, prompt] of rows) {
    it(`of a chat: ${name}`, () => assert.equal(write({ messages }).prompt, prompt))
  }

  it('continues an answer', () => {
    const messages = [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Once', prefix: true },
    ]
    assert.equal(write({ messages }).prompt, 'Hi\n\nOnce')
  })

  it('refuses a conversation, which has no form without the model’s template', () => {
    const messages = [
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b' },
      { role: 'user', content: 'c' },
    ]
    refuses(() => write({ messages }), 'messages')
    refuses(() => write({ messages: messages.slice(0, 2) }), 'messages')
    refuses(() => write({ messages: [{ role: 'system', content: 'a' }] }), 'messages')
  })

  const refused: readonly (readonly [fields: object, features: Feature[]])[] = [
    [{ tools: [{ type: 'function', function: { name: 'f' } }] }, ['tools']],
    [{ response_format: { type: 'json_object' } }, ['json_mode']],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: 'https://x/y' }] }] },
      ['image_url'],
    ],
    [{ n: 2 }, ['choices']],
    [{ reasoning_effort: 'high', verbosity: 'low', metadata: { a: 'b' } }, []],
  ]
  for (const [fields, features] of refused) {
    it(`lets the gateway refuse ${JSON.stringify(features)}`, () => {
      assert.deepEqual(refusedFeatures(readChat(fields).uses, completionsFates), features)
    })
  }
})
