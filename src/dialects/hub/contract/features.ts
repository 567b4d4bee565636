/**
 * What a request may use. A reader names the features that a request uses; a writer says of each feature what becomes of
 * it in its API. From both the gateway decides whether a translation keeps the meaning of a request, and the table in the
 * docs is generated.
 */
export const features = [
  // Sampling and limits.
  'max_tokens',
  'temperature',
  'top_p',
  'top_k',
  'min_p',
  'seed',
  'stop',
  'presence_penalty',
  'frequency_penalty',
  'repeat_penalty',
  'logit_bias',
  'logprobs',
  'choices',
  'best_of',
  /** Other options of an engine, such as `mirostat` or `guided_regex`. */
  'engine_options',
  // Form of the answer.
  'json_mode',
  'json_schema',
  'grammar',
  'verbosity',
  'audio_output',
  'stream_usage',
  // Thinking.
  'thinking',
  'thinking_budget',
  'effort',
  'thinking_summary',
  'thinking_history',
  'encrypted_thinking',
  // Content of messages.
  'system',
  'developer',
  'user_name',
  'image_url',
  'image_data',
  'image_detail',
  'file_id',
  'audio_input',
  'video_input',
  'document_data',
  'document_url',
  'citations',
  'refusal_history',
  'prefill',
  // Tools.
  'tools',
  'strict_tools',
  'custom_tools',
  'hosted_tools',
  'tool_namespaces',
  'tool_choice',
  /** Tools that the model must not call: an API without a choice gets none. */
  'forbidden_tools',
  'named_tool',
  'allowed_tools',
  'parallel_tool_calls',
  'tool_result_image',
  'tool_result_error',
  // Plain completions.
  /** A prompt as Completions have it: an API of chats sends it as the message of a user. */
  'plain_prompt',
  /** A prompt that must not go through the model's chat template (Ollama's `raw`). */
  'raw_prompt',
  'several_prompts',
  'token_prompt',
  'suffix',
  'echo',
  /** Log probabilities of the tokens of a prompt or of its plain continuation, as evaluations read them. */
  'completion_logprobs',
  'context_tokens',
  /** A template that replaces the model's own (Ollama's `template`). */
  'prompt_template',
  // How the server handles the request.
  'user',
  'metadata',
  'service_tier',
  'cache_control',
  'keep_alive',
  'context_length',
  'store',
  'previous_response',
  'truncation',
  'background',
  'prediction',
  'include',
  'web_search',
  'moderation',
  // Embeddings and ranking.
  'dimensions',
  'encoding',
  'input_type',
  'top_n',
  'return_documents',
  'max_tokens_per_document',
  'several_queries',
  'rank_fields',
] as const

export type Feature = (typeof features)[number]

/**
 * - `kept`: the API has the same field.
 * - `mapped`: the API expresses it in another way.
 * - `dropped`: the API has nothing like it, and the answer means the same without it.
 * - `refused`: the API has nothing like it, and the answer would mean something else. The gateway refuses the request,
 *   or, with `proxy.translation.unsupported: drop`, drops the feature and names it in `X-Olla-Dropped`.
 */
export type Fate = 'kept' | 'mapped' | 'dropped' | 'refused'

/** Of every feature what becomes of it; `dropped` if it is not listed. */
export type Fates = Readonly<Partial<Record<Feature, Fate>>>

/** The features of a request that a writer cannot express although they change the answer. */
export function refusedFeatures(used: ReadonlySet<Feature>, fates: Fates): Feature[] {
  const refused: Feature[] = []
  for (const feature of used) if (fates[feature] === 'refused') refused.push(feature)
  return refused
}
