import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Settings } from '../../../../src/dialects/hub/contract/conversation.ts'
import type { Feature } from '../../../../src/dialects/hub/contract/features.ts'
import { chatFields } from '../../../../src/dialects/openai/chat/request/request-fields.ts'
import { hello, readChat, refuses } from '../support.ts'

/** The settings that a request has beyond those of a bare one. */
function settingsOf(fields: object): Partial<Settings> {
  const bare: Record<string, unknown> = { ...readChat({}).settings }
  const entries = Object.entries(readChat(fields).settings).filter(([key, value]) => value !== bare[key])
  return Object.fromEntries(entries)
}

const used = (fields: object): Feature[] => [...readChat(fields).uses].sort()

const schema = { type: 'object', properties: { a: { type: 'string' } } }
const named = { kind: 'schema', name: 'answer', schema, description: undefined, isStrict: true }
const unnamed = { kind: 'schema', name: 'response', schema, description: undefined, isStrict: undefined }
const enforced = { kind: 'schema', name: 'response', schema, isStrict: true }

type Row = readonly [fields: object, settings: object, uses: Feature[]]

const sampling: readonly Row[] = [
  [{ max_tokens: 5 }, { maxTokens: 5 }, ['max_tokens']],
  [{ max_completion_tokens: 6, max_tokens: 5 }, { maxTokens: 6 }, ['max_tokens']],
  [{ n_predict: 7 }, { maxTokens: 7 }, ['max_tokens']],
  [{ max_tokens: -1 }, {}, []],
  [{ max_tokens: null }, {}, []],
  [{ temperature: 0 }, { temperature: 0 }, ['temperature']],
  [{ temperature: '0.5' }, { temperature: 0.5 }, ['temperature']],
  [{ temperature: 1 }, { temperature: 1 }, []],
  [{ top_p: 0.9, top_k: 40, min_p: 0.1 }, { topP: 0.9, topK: 40, minP: 0.1 }, ['min_p', 'top_k', 'top_p']],
  [{ top_k: -1 }, { topK: 0 }, []],
  [{ seed: 42 }, { seed: 42 }, ['seed']],
  [{ seed: -1 }, {}, []],
  [{ stop: 'END' }, { stop: ['END'] }, ['stop']],
  [{ stop: ['a', '', 'b'] }, { stop: ['a', 'b'] }, ['stop']],
  [{ stop: [] }, {}, []],
  [{ presence_penalty: 0, frequency_penalty: 0 }, { presencePenalty: 0, frequencyPenalty: 0 }, []],
  [{ presence_penalty: 1 }, { presencePenalty: 1 }, ['presence_penalty']],
  [{ repetition_penalty: 1.1 }, { repeatPenalty: 1.1 }, ['repeat_penalty']],
  [{ repeat_penalty: 1.2 }, { repeatPenalty: 1.2 }, ['repeat_penalty']],
  [{ logit_bias: { 50256: -100 } }, { logitBias: { 50256: -100 } }, ['logit_bias']],
  [{ n: 1 }, {}, []],
  [{ n: 3 }, { choices: 3 }, ['choices']],
  [{ logprobs: true }, { logprobs: 0 }, ['logprobs']],
  [{ logprobs: true, top_logprobs: 4 }, { logprobs: 4 }, ['logprobs']],
  [{ top_logprobs: 2 }, { logprobs: 2 }, ['logprobs']],
  [{ logprobs: false, top_logprobs: 0 }, {}, []],
  [{ logprobs: 3 }, { logprobs: 3 }, ['logprobs']],
  [
    { options: { num_ctx: 8192, top_k: 5, num_gpu: 9 } },
    { contextTokens: 8192, topK: 5 },
    ['context_length'],
  ],
  [{ options: { temperature: 0.1 }, temperature: 0.2 }, { temperature: 0.2 }, ['temperature']],
  [{ options: { mirostat: 2 } }, {}, ['engine_options']],
  [{ keep_alive: '5m' }, { keepAlive: '5m' }, ['keep_alive']],
  [{ keep_alive: -1 }, { keepAlive: -1 }, ['keep_alive']],
  [{ mirostat: 2, mirostat_tau: 5 }, {}, ['engine_options']],
  [{ mirostat: 0, mirostat_tau: 5, min_tokens: 0, ignore_eos: false }, {}, []],
  [{ stop_token_ids: [2] }, {}, ['engine_options']],
  [{ prompt_logprobs: 1 }, {}, ['completion_logprobs']],
  [{ chat_template: '{{ messages }}' }, {}, ['prompt_template']],
  [{ documents: [{ text: 'a' }] }, {}, ['prompt_template']],
]

const form: readonly Row[] = [
  [{ response_format: { type: 'text' } }, {}, []],
  [{ response_format: { type: 'json_object' } }, { format: { kind: 'json' } }, ['json_mode']],
  [{ response_format: 'json_object' }, { format: { kind: 'json' } }, ['json_mode']],
  [
    { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } } },
    { format: named },
    ['json_schema'],
  ],
  [
    { response_format: { type: 'json_schema', json_schema: { schema } } },
    { format: unnamed },
    ['json_schema'],
  ],
  // llama.cpp's forms.
  [{ response_format: { type: 'json_schema', schema } }, { format: unnamed }, ['json_schema']],
  [{ response_format: { type: 'json_object', schema } }, { format: unnamed }, ['json_schema']],
  [{ json_schema: schema }, { format: enforced }, ['json_schema']],
  [{ grammar: 'root ::= "a"' }, {}, ['grammar']],
  // vLLM's and SGLang's.
  [{ guided_json: schema }, { format: enforced }, ['json_schema']],
  [{ guided_json: JSON.stringify(schema) }, { format: enforced }, ['json_schema']],
  [{ structured_outputs: { json: schema } }, { format: enforced }, ['json_schema']],
  [{ structured_outputs: { regex: 'a+' } }, {}, ['grammar']],
  [{ guided_regex: 'a+' }, {}, ['grammar']],
  [{ guided_choice: ['a', 'b'] }, {}, ['grammar']],
  [{ response_format: { type: 'structural_tag', structures: [] } }, {}, ['grammar']],
  // Ollama's.
  [{ format: 'json' }, { format: { kind: 'json' } }, ['json_mode']],
  [{ format: schema }, { format: enforced }, ['json_schema']],
  [{ format: '' }, {}, []],
]

const thinks = (thinking: object) => ({
  thinking: { isOn: undefined, effort: undefined, budgetTokens: undefined, isShown: undefined, ...thinking },
})

const thinking: readonly Row[] = [
  [{ reasoning_effort: 'high' }, thinks({ effort: 'high' }), ['effort']],
  [{ reasoning_effort: 'none' }, thinks({ isOn: false }), ['thinking']],
  [{ reasoning_effort: 'default' }, {}, []],
  [{ reasoning: { effort: 'low' } }, thinks({ effort: 'low' }), ['effort']],
  [
    { reasoning: { enabled: true, max_tokens: 99 } },
    thinks({ isOn: true, budgetTokens: 99 }),
    ['thinking', 'thinking_budget'],
  ],
  [{ reasoning: { exclude: true } }, thinks({ isShown: false }), []],
  [{ chat_template_kwargs: { enable_thinking: false } }, thinks({ isOn: false }), ['thinking']],
  [{ chat_template_kwargs: { thinking: true } }, thinks({ isOn: true }), ['thinking']],
  [{ chat_template_kwargs: { reasoning_effort: 'low' } }, thinks({ effort: 'low' }), ['effort']],
  [{ chat_template_kwargs: { tone: 'dry' } }, {}, ['engine_options']],
  [{ enable_thinking: false, thinking_budget: 50 }, thinks({ isOn: false }), ['thinking']],
  [{ thinking_budget: 50 }, thinks({ budgetTokens: 50 }), ['thinking_budget']],
  [{ thinking: { type: 'disabled' } }, thinks({ isOn: false }), ['thinking']],
  [
    { thinking: { type: 'enabled', budget_tokens: 64 } },
    thinks({ isOn: true, budgetTokens: 64 }),
    ['thinking', 'thinking_budget'],
  ],
  [{ think: false }, thinks({ isOn: false }), ['thinking']],
  [{ think: 'high' }, thinks({ effort: 'high' }), ['effort']],
  [{ reasoning_budget: 0 }, thinks({ isOn: false }), ['thinking']],
  [{ reasoning_budget: -1 }, {}, []],
  [{ include_reasoning: false }, thinks({ isShown: false }), []],
]

const handling: readonly Row[] = [
  [{ user: 'u' }, { user: 'u' }, ['user']],
  [{ safety_identifier: 's' }, { user: 's' }, ['user']],
  [{ metadata: { a: 'b' } }, { metadata: { a: 'b' } }, ['metadata']],
  [{ service_tier: 'auto' }, { serviceTier: 'auto' }, []],
  [{ service_tier: 'flex' }, { serviceTier: 'flex' }, ['service_tier']],
  [{ verbosity: 'low' }, { verbosity: 'low' }, ['verbosity']],
  [{ store: false }, {}, []],
  [{ store: true }, {}, ['store']],
  [{ modalities: ['text'], audio: { voice: 'ash', format: 'wav' } }, {}, []],
  [{ modalities: ['text', 'audio'] }, {}, ['audio_output']],
  [{ prediction: { type: 'content', content: 'x' } }, {}, ['prediction']],
  [{ web_search_options: {} }, {}, ['web_search']],
  [{ prompt_cache_key: 'k' }, {}, ['cache_control']],
  [{ moderation: { model: 'm' } }, {}, ['moderation']],
  [{ stream: true, stream_options: { include_usage: true } }, { streamUsage: true }, ['stream_usage']],
  [{ stream: false, stream_options: { include_usage: true } }, { streamUsage: true }, []],
  [{ unknown_field: 1, constructor: 1 }, {}, []],
]

for (const [title, rows] of Object.entries({ sampling, form, thinking, handling })) {
  describe(`reading a chat request: ${title}`, () => {
    for (const [fields, settings, uses] of rows) {
      it(JSON.stringify(fields), () => {
        assert.deepEqual(settingsOf(fields), settings)
        assert.deepEqual(used(fields), [...uses].sort())
      })
    }
  })
}

describe('reading a chat request', () => {
  const refused: readonly (readonly [fields: object, field: string])[] = [
    [{ temperature: 'hot' }, 'temperature'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ max_tokens: 1.5 }, 'max_tokens'],
    [{ n: 0 }, 'n'],
    [{ stop: [1] }, 'stop'],
    [{ stream: 'yes' }, 'stream'],
    [{ logit_bias: [] }, 'logit_bias'],
    [{ response_format: { type: 'yaml' } }, 'response_format.type'],
    [
      { response_format: { type: 'json_schema', json_schema: { schema: 'no' } } },
      'response_format.json_schema.schema',
    ],
    [{ response_format: 7 }, 'response_format'],
    [{ reasoning_effort: 'much' }, 'reasoning_effort'],
    [{ chat_template_kwargs: { enable_thinking: 'perhaps' } }, 'chat_template_kwargs.enable_thinking'],
    [{ metadata: 'x' }, 'metadata'],
    [{ options: { temperature: 'hot' } }, 'options.temperature'],
    [{ keep_alive: {} }, 'keep_alive'],
  ]
  for (const [fields, field] of refused) {
    it(`refuses ${JSON.stringify(fields)}`, () => refuses(() => readChat(fields), field))
  }

  it('reads an integer beyond 2^53 that the parser has kept', () => {
    assert.equal(readChat({ seed: JSON.rawJSON('9007199254740993') }).settings.seed, 9007199254740992)
  })

  it('streams only if asked', () => {
    assert.equal(readChat({}).isStream, false)
    assert.equal(readChat({ stream: true }).isStream, true)
    assert.equal(readChat({ stream: null }).isStream, false)
  })

  it('continues the last answer if the request says so in any way', () => {
    const said = { role: 'assistant', content: 'Once' }
    const ways = [
      { messages: [...hello, said], continue_final_message: true, add_generation_prompt: false },
      { messages: [...hello, { ...said, prefix: true }] },
      { messages: [...hello, { ...said, partial: true }] },
    ]
    for (const way of ways) {
      assert.equal(readChat(way).settings.continuesAnswer, true)
      assert.ok(readChat(way).uses.has('prefill'))
    }
    assert.equal(readChat({ messages: [...hello, said] }).settings.continuesAnswer, undefined)
    assert.equal(readChat({ continue_final_message: true }).settings.continuesAnswer, undefined)
  })

  it('knows every field of the published API', () => {
    const published = [
      ...['messages', 'model', 'audio', 'frequency_penalty', 'function_call', 'functions', 'logit_bias'],
      ...['logprobs', 'max_completion_tokens', 'max_tokens', 'metadata', 'modalities', 'moderation', 'n'],
      ...[
        'parallel_tool_calls',
        'prediction',
        'presence_penalty',
        'prompt_cache_key',
        'prompt_cache_options',
      ],
      ...['prompt_cache_retention', 'reasoning_effort', 'response_format', 'safety_identifier', 'seed'],
      ...['service_tier', 'stop', 'store', 'stream', 'stream_options', 'temperature', 'tool_choice', 'tools'],
      ...['top_logprobs', 'top_p', 'user', 'verbosity', 'web_search_options'],
    ]
    assert.deepEqual(
      published.filter((name) => chatFields[name] === undefined),
      [],
    )
  })
})
