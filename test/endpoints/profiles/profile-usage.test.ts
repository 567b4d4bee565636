import assert from 'node:assert/strict'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { usageSections } from '../../../src/dialects/all.ts'
import { answerFormNamed, usageFormOf } from '../../../src/dialects/answers/form-finder.ts'
import { UsageReader } from '../../../src/dialects/usage/usage-reader.ts'
import { ProfileError, ProfileStore } from '../../../src/endpoints/profiles/profile-store.ts'
import {
  type ProfileUsage,
  profileUsage,
  unknownUsage,
} from '../../../src/endpoints/profiles/profile-usage.ts'
import { profilesFolder } from '../../../src/kernel/package.ts'
import * as recordings from '../../dialects/usage/recordings.ts'

const planOf = (usage: ProfileUsage, form: string) => {
  const { section, standard } = answerFormNamed(form).usage
  return usage.plan(section, standard)
}

async function ownProfile(text: string): Promise<ProfileStore> {
  const own = await mkdtemp(join(tmpdir(), 'olla-profiles-'))
  await writeFile(join(own, 'mine.yaml'), `name: mine\n${text}`)
  return new ProfileStore({ builtIn: profilesFolder, own, usageSections })
}

describe('the usage section of a profile', () => {
  it('requests usage in streams only if the backend sends it in a separate event', () => {
    const store = new ProfileStore({ builtIn: profilesFolder })
    const asking = store.all().filter(({ usage }) => usage.requestsStreamUsage)
    assert.deepEqual(
      asking.map(({ name }) => name),
      [
        'litellm',
        'lm-studio',
        'lmdeploy',
        'ollama',
        'omlx',
        'sglang',
        'tensorrt-llm',
        'tgi',
        'vllm',
        'vllm-mlx',
      ],
    )
    assert.equal(unknownUsage.requestsStreamUsage, false)
  })

  it('finds usage in JSON answers of every API', () => {
    const answers = [
      ['chat', recordings.chatJson, [21, 3, 16]],
      ['ollama', recordings.ollamaJson, [26, 4, undefined]],
      ['messages', recordings.anthropicJson, [95, 15, 85]],
    ] as const
    for (const [api, text, expected] of answers) {
      const reader = new UsageReader(planOf(unknownUsage, api))
      reader.read(Buffer.from(text))
      assert.deepEqual(
        [reader.get('promptTokens'), reader.get('completionTokens'), reader.get('cachedTokens')],
        expected,
        api,
      )
    }
  })

  it('prefers its own paths to those of the API', async () => {
    const store = await ownProfile('usage: { openai: { prompt_tokens: [my.count, usage.prompt_tokens] } }\n')
    const usage = store.get('mine')?.usage
    assert.ok(usage !== undefined)
    const reader = new UsageReader(planOf(usage, 'chat'))
    reader.read(Buffer.from('{"my":{"count":1},"usage":{"prompt_tokens":2,"completion_tokens":3}}'))
    assert.deepEqual([reader.get('promptTokens'), reader.get('completionTokens')], [1, 3])
  })

  it('also uses the paths of Olla’s `metrics.extraction` (contract 11.2)', () => {
    const usage = profileUsage(
      {},
      { paths: { input_tokens: '$.n.in', eval_duration_ns: '$.n.took', x: '$.y' } },
    )
    const reader = new UsageReader(planOf(usage, 'chat'))
    reader.read(Buffer.from('{"n":{"in":7,"took":2000000}}'))
    assert.deepEqual([reader.get('promptTokens'), reader.get('generationMs')], [7, 2])
  })

  it('ignores `metrics.extraction` if that is off', () => {
    const usage = profileUsage({ stream_options: true }, { enabled: false })
    const reader = new UsageReader(planOf(usage, 'chat'))
    reader.read(Buffer.from(recordings.chatJson))
    assert.deepEqual([usage.requestsStreamUsage, reader.get('promptTokens')], [false, undefined])
  })

  it('rejects unknown keys', async () => {
    for (const text of [
      'usage: { openai: { tokens: a } }',
      'usage: { grpc: {} }',
      'usage: { openai: { load_h: a } }',
    ]) {
      await assert.rejects(ownProfile(text), ProfileError, text)
    }
  })
})

describe('the API of an answer', () => {
  it('follows from the requested path', () => {
    const paths = {
      '/v1/chat/completions': 'openai',
      '/v1/completions': 'openai',
      '/api/v1/chat/completions': 'openai',
      '/completion': 'openai',
      '/v1/embeddings': 'openai',
      '/v1/responses': 'responses',
      '/v1/messages': 'anthropic',
      '/anthropic/v1/messages': 'anthropic',
      '/api/chat': 'ollama',
      '/api/generate': 'ollama',
      '/api/embed': 'ollama',
      '/llm/messages': 'anthropic',
      '/api/version': 'openai',
    }
    for (const [path, api] of Object.entries(paths)) assert.equal(usageFormOf(path).usage.section, api, path)
  })
})
