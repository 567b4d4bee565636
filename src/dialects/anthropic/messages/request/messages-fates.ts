import type { Fates } from '../../../hub/contract/features.ts'

/** What becomes of each feature of a conversation in a Messages request. */
export const messagesFates: Fates = {
  // Sampling and limits.
  max_tokens: 'kept',
  /** At most 1. */
  temperature: 'mapped',
  top_p: 'kept',
  top_k: 'kept',
  stop: 'kept',
  logit_bias: 'refused',
  logprobs: 'refused',
  choices: 'refused',
  best_of: 'refused',
  // Form of the answer.
  /** An instruction in `system`. */
  json_mode: 'mapped',
  json_schema: 'kept',
  grammar: 'refused',
  audio_output: 'refused',
  /** The API always reports usage. */
  stream_usage: 'mapped',
  // Thinking.
  thinking: 'kept',
  thinking_budget: 'kept',
  effort: 'kept',
  thinking_summary: 'mapped',
  /** Thinking without a signature goes to endpoints that read it. */
  thinking_history: 'kept',
  // Content of messages.
  system: 'kept',
  developer: 'mapped',
  /** In front of the text, if several users speak. */
  user_name: 'mapped',
  image_url: 'kept',
  image_data: 'kept',
  /** A sentence, because the file is in another server's store. */
  file_id: 'mapped',
  audio_input: 'refused',
  video_input: 'refused',
  document_data: 'kept',
  document_url: 'kept',
  refusal_history: 'mapped',
  prefill: 'kept',
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
  tool_result_image: 'kept',
  tool_result_error: 'kept',
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
  /** `metadata.user_id`. */
  user: 'mapped',
  service_tier: 'mapped',
  previous_response: 'refused',
  background: 'refused',
}
