import { isAtLeast } from '../../endpoints/profiles/server-version.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'

export const responsesPath = '/v1/responses'

/**
 * Minimum server versions that have the Responses API; '' means any. Other backend types may or may not have it: only a
 * request shows.
 */
const sinceVersion: Readonly<Record<string, string>> = {
  // Its release notes.
  ollama: '0.13.3',
  vllm: '0.10.0',
  // ggml-org/llama.cpp#18486, January 2026.
  llamacpp: 'b7800',
  'lm-studio': '',
  litellm: '',
  lemonade: '',
  omlx: '',
}

/**
 * Whether an endpoint has the Responses API.
 * @param learned result of earlier requests; undefined if there were none
 * @param version as the server reports it
 * @returns undefined if unknown
 */
export function hasResponses(
  { profile }: Endpoint,
  learned: boolean | undefined,
  version: string | undefined,
): boolean | undefined {
  if (learned !== undefined) return learned
  const since = profile === undefined ? undefined : sinceVersion[profile.name]
  if (since === undefined) return undefined
  return since === '' || isAtLeast(version, since)
}
