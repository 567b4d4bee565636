import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { messagesFates } from '../../../../src/dialects/anthropic/messages/request/messages-fates.ts'
import { type Fates, refusedFeatures } from '../../../../src/dialects/hub/contract/features.ts'
import { ollamaChatFates } from '../../../../src/dialects/ollama/chat/features.ts'
import { ollamaGenerateFates } from '../../../../src/dialects/ollama/generate/features.ts'
import { chatFates } from '../../../../src/dialects/openai/chat/request/chat-fates.ts'
import { readCompletionsRequest } from '../../../../src/dialects/openai/completions/read-request.ts'
import { responsesFates } from '../../../../src/dialects/openai/responses/request/responses-fates.ts'

const chats: Readonly<Record<string, Fates>> = { chatFates, messagesFates, responsesFates, ollamaChatFates }

const refused = (fields: object, fates: Fates) =>
  refusedFeatures(readCompletionsRequest({ model: 'm', prompt: 'Once', ...fields }).uses, fates)

describe('a completions request', () => {
  for (const [name, fates] of Object.entries(chats)) {
    it(`can go to an API of chats as a user’s message: ${name}`, () => {
      assert.deepEqual(refused({ max_tokens: 5, temperature: 0, top_p: 0.5 }, fates), [])
    })

    it(`cannot go there with what only a completion has (ggml-org/llama.cpp#27174): ${name}`, () => {
      assert.deepEqual(refused({ echo: true }, fates), ['echo'])
      assert.deepEqual(refused({ suffix: 'z' }, fates), ['suffix'])
      assert.deepEqual(refused({ logprobs: 1 }, fates), ['completion_logprobs'])
      assert.deepEqual(refused({ best_of: 2 }, fates), ['best_of'])
      assert.deepEqual(refused({ n: 2 }, fates), ['choices'])
    })
  }

  it('fills in the middle at /api/generate', () => {
    assert.deepEqual(refused({ suffix: 'z', logprobs: 1 }, ollamaGenerateFates), [])
    assert.deepEqual(refused({ echo: true }, ollamaGenerateFates), ['echo'])
  })
})
