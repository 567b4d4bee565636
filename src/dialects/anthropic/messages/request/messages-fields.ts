import type { Feature } from '../../../hub/contract/features.ts'

/** What each field at the top of a Messages request is. */
export const messagesFields: Readonly<Record<string, Feature | 'none'>> = {
  model: 'none',
  messages: 'none',
  stream: 'none',
  system: 'system',
  max_tokens: 'max_tokens',
  temperature: 'temperature',
  top_p: 'top_p',
  top_k: 'top_k',
  stop_sequences: 'stop',
  tools: 'tools',
  tool_choice: 'tool_choice',
  thinking: 'thinking',
  /** Also the effort. */
  output_config: 'json_schema',
  output_format: 'json_schema',
  /** Of it only `user_id` exists. */
  metadata: 'user',
  cache_control: 'cache_control',
  service_tier: 'service_tier',
  speed: 'service_tier',
  inference_geo: 'service_tier',
  billing_policy: 'service_tier',
  container: 'hosted_tools',
  mcp_servers: 'hosted_tools',
  context_management: 'truncation',
  compaction: 'truncation',
  /** `checkMessagesFrame` refuses it. */
  thread: 'previous_response',
  user_profile_id: 'metadata',
  workspace_id: 'metadata',
  // Of Anthropic's own service, without effect on the answer.
  betas: 'none',
  anthropic_version: 'none',
  anthropic_beta: 'none',
  diagnostics: 'none',
  fallbacks: 'none',
  fallback_credit_token: 'none',
}
