import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import type { Feature } from '../../../hub/contract/features.ts'

export type Fields = Readonly<Record<string, Feature | 'none'>>

/** Fields of both Chat Completions and Completions, with those that inference servers and their clients add. */
export const sharedFields = {
  model: 'none',
  stream: 'none',
  stream_options: 'stream_usage',
  max_tokens: 'max_tokens',
  max_completion_tokens: 'max_tokens',
  max_output_tokens: 'max_tokens',
  max_new_tokens: 'max_tokens',
  n_predict: 'max_tokens',
  temperature: 'temperature',
  top_p: 'top_p',
  top_k: 'top_k',
  min_p: 'min_p',
  seed: 'seed',
  stop: 'stop',
  presence_penalty: 'presence_penalty',
  frequency_penalty: 'frequency_penalty',
  repetition_penalty: 'repeat_penalty',
  repeat_penalty: 'repeat_penalty',
  logit_bias: 'logit_bias',
  n: 'choices',
  best_of: 'best_of',
  response_format: 'json_schema',
  format: 'json_schema',
  json_schema: 'json_schema',
  guided_json: 'json_schema',
  structured_outputs: 'json_schema',
  guided_grammar: 'grammar',
  guided_regex: 'grammar',
  guided_choice: 'grammar',
  structural_tag: 'grammar',
  grammar: 'grammar',
  ebnf: 'grammar',
  regex: 'grammar',
  user: 'user',
  keep_alive: 'keep_alive',
  options: 'engine_options',
  num_ctx: 'context_length',
} as const satisfies Fields

/** Options of vLLM, SGLang and llama.cpp that change an answer and that no other API has. */
const engineOptions = [
  ...[
    'min_tokens',
    'ignore_eos',
    'stop_token_ids',
    'bad_words',
    'include_stop_str_in_output',
    'no_stop_trim',
  ],
  ...['skip_special_tokens', 'spaces_between_special_tokens', 'allowed_token_ids', 'truncate_prompt_tokens'],
  ...['use_beam_search', 'length_penalty', 'logits_processors', 'custom_logit_processor'],
  ...['typical_p', 'tfs_z', 'top_a', 'top_n_sigma', 'mirostat', 'mirostat_tau', 'mirostat_eta'],
  ...['dynatemp_range', 'dynatemp_exponent', 'xtc_probability', 'xtc_threshold', 'dry_multiplier'],
  ...['dry_base', 'dry_allowed_length', 'dry_penalty_last_n', 'dry_sequence_breakers', 'repeat_last_n'],
  ...['samplers', 'n_probs', 'lora', 'lora_path', 'add_special_tokens'],
]

export const engineFields: Fields = {
  ...Object.fromEntries(engineOptions.map((name): [string, Feature] => [name, 'engine_options'])),
  prompt_logprobs: 'completion_logprobs',
  // A template also decides what becomes of documents.
  chat_template: 'prompt_template',
  documents: 'prompt_template',
}

/** What each field of a Chat Completions request is. */
export const chatFields: Fields = {
  ...engineFields,
  ...sharedFields,
  messages: 'none',
  tools: 'tools',
  functions: 'tools',
  tool_choice: 'tool_choice',
  function_call: 'tool_choice',
  parallel_tool_calls: 'parallel_tool_calls',
  logprobs: 'logprobs',
  top_logprobs: 'logprobs',
  reasoning_effort: 'effort',
  reasoning: 'thinking',
  thinking: 'thinking',
  think: 'thinking',
  enable_thinking: 'thinking',
  chat_template_kwargs: 'thinking',
  thinking_budget: 'thinking_budget',
  thinking_budget_tokens: 'thinking_budget',
  thinking_token_budget: 'thinking_budget',
  reasoning_budget: 'thinking_budget',
  include_reasoning: 'none',
  reasoning_format: 'none',
  separate_reasoning: 'none',
  add_generation_prompt: 'prefill',
  continue_final_message: 'prefill',
  verbosity: 'verbosity',
  modalities: 'audio_output',
  audio: 'audio_output',
  prediction: 'prediction',
  web_search_options: 'web_search',
  moderation: 'moderation',
  store: 'store',
  metadata: 'metadata',
  safety_identifier: 'user',
  service_tier: 'service_tier',
  prompt_cache_key: 'cache_control',
  prompt_cache_options: 'cache_control',
  prompt_cache_retention: 'cache_control',
}

type Test = (value: unknown) => boolean

const is =
  (...values: unknown[]): Test =>
  (value) =>
    values.includes(value)
const isEmpty: Test = (value) =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0
const isNegative: Test = (value) => typeof value === 'number' && value < 0
const always: Test = () => true

/** The values with which a field changes nothing. */
const neutral: Readonly<Record<string, Test>> = {
  max_tokens: isNegative,
  max_completion_tokens: isNegative,
  max_output_tokens: isNegative,
  max_new_tokens: isNegative,
  n_predict: isNegative,
  temperature: is(1),
  top_p: is(1),
  top_k: (value) => typeof value === 'number' && value <= 0,
  min_p: is(0),
  seed: isNegative,
  stop: (value) => value === '' || isEmpty(value),
  presence_penalty: is(0),
  frequency_penalty: is(0),
  repetition_penalty: is(1),
  repeat_penalty: is(1),
  logit_bias: isEmpty,
  n: is(1),
  best_of: is(1),
  echo: is(false),
  suffix: is(''),
  grammar: is(''),
  user: is(''),
  safety_identifier: is(''),
  verbosity: is('medium'),
  store: is(false),
  metadata: isEmpty,
  service_tier: is('auto', 'default'),
  min_tokens: is(0),
  ignore_eos: is(false),
  stop_token_ids: isEmpty,
  bad_words: isEmpty,
  include_stop_str_in_output: is(false),
  no_stop_trim: is(false),
  skip_special_tokens: is(true),
  spaces_between_special_tokens: is(true),
  use_beam_search: is(false),
  length_penalty: is(1),
  typical_p: is(1),
  tfs_z: is(1),
  top_a: is(0),
  mirostat: is(0),
  mirostat_tau: always,
  mirostat_eta: always,
  dynatemp_range: is(0),
  dynatemp_exponent: always,
  xtc_probability: is(0),
  xtc_threshold: always,
  dry_multiplier: is(0),
  dry_base: always,
  dry_allowed_length: always,
  dry_penalty_last_n: always,
  dry_sequence_breakers: always,
  repeat_last_n: always,
  n_probs: is(0),
  lora: isEmpty,
  documents: isEmpty,
  add_special_tokens: always,
  // Their own readers note what they use.
  ...Object.fromEntries(
    [
      ...['stream_options', 'response_format', 'format', 'json_schema', 'guided_json', 'structured_outputs'],
      ...['options', 'tools', 'functions', 'tool_choice', 'function_call', 'parallel_tool_calls', 'logprobs'],
      ...['top_logprobs', 'reasoning_effort', 'reasoning', 'thinking', 'think', 'enable_thinking'],
      ...['chat_template_kwargs', 'thinking_budget', 'thinking_budget_tokens', 'thinking_token_budget'],
      ...['reasoning_budget', 'add_generation_prompt', 'continue_final_message', 'modalities', 'audio'],
    ].map((name) => [name, always]),
  ),
}

/** Notes the features of the fields that a request sets to something else than their default. */
export function noteFields(request: JsonObject, fields: Fields, uses: Set<Feature>): void {
  for (const key of Object.keys(request)) {
    const feature = Object.hasOwn(fields, key) ? fields[key] : undefined
    if (feature === undefined || feature === 'none') continue
    const value = request[key]
    if (value === undefined || value === null || neutral[key]?.(value) === true) continue
    uses.add(feature)
  }
}
