import type { Fates } from '../../../hub/contract/features.ts'

/** What becomes of each feature of a conversation in a Responses request. */
export const responsesFates: Fates = {
  // Sampling and limits.
  max_tokens: 'kept',
  temperature: 'kept',
  top_p: 'kept',
  stop: 'refused',
  logit_bias: 'refused',
  logprobs: 'kept',
  choices: 'refused',
  best_of: 'refused',
  // Form of the answer.
  json_mode: 'kept',
  json_schema: 'kept',
  grammar: 'refused',
  verbosity: 'kept',
  audio_output: 'refused',
  /** The API always reports usage. */
  stream_usage: 'mapped',
  // Thinking.
  thinking: 'mapped',
  /** A level of effort. */
  thinking_budget: 'mapped',
  effort: 'kept',
  thinking_summary: 'kept',
  /** Reasoning goes to endpoints that read it, and to the one that encrypted it. */
  thinking_history: 'kept',
  encrypted_thinking: 'kept',
  // Content of messages.
  system: 'kept',
  developer: 'kept',
  /** In front of the text, if several users speak. */
  user_name: 'mapped',
  image_url: 'kept',
  image_data: 'kept',
  image_detail: 'kept',
  /** A sentence, because the file is in another server's store. */
  file_id: 'mapped',
  audio_input: 'refused',
  video_input: 'refused',
  document_data: 'kept',
  document_url: 'kept',
  refusal_history: 'mapped',
  prefill: 'refused',
  // Tools.
  tools: 'kept',
  strict_tools: 'kept',
  custom_tools: 'mapped',
  tool_namespaces: 'mapped',
  tool_choice: 'kept',
  forbidden_tools: 'kept',
  named_tool: 'kept',
  /** Only the allowed tools are sent. */
  allowed_tools: 'mapped',
  parallel_tool_calls: 'kept',
  /** In the next message. */
  tool_result_image: 'mapped',
  tool_result_error: 'mapped',
  // Plain completions.
  plain_prompt: 'mapped',
  raw_prompt: 'refused',
  prompt_template: 'refused',
  token_prompt: 'refused',
  several_prompts: 'refused',
  suffix: 'refused',
  echo: 'refused',
  completion_logprobs: 'refused',
  context_tokens: 'refused',
  // How the server handles the request.
  user: 'kept',
  metadata: 'kept',
  service_tier: 'kept',
  /** Always off: the gateway keeps what must be kept. */
  store: 'dropped',
  previous_response: 'refused',
  background: 'refused',
}
