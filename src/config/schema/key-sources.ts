/**
 * Sources of a session key:
 * - `session_header`: `X-Olla-Session-ID`
 * - `previous_response_id`: of the Responses API, also if the path names the response
 * - `prompt_cache_key`, `user`: of the OpenAI API
 * - `metadata_user_id`: `metadata.user_id` of the Anthropic API
 * - `prefix_hash`: the conversation itself
 * - `auth_header`: the caller that the host identifies, else `Authorization`, else `x-api-key`
 * - `ip`: the client's address, resolved through trusted proxies
 */
export const keySources = [
  'session_header',
  'previous_response_id',
  'prompt_cache_key',
  'prefix_hash',
  'metadata_user_id',
  'user',
  'auth_header',
  'ip',
] as const

export type KeySource = (typeof keySources)[number]
