import type { AnswerFailure } from '../../../hub/contract/answer.ts'

/** Codes of OpenAI's on which clients act; an endpoint's own code is kept if it is one of them. */
const knownCodes: ReadonlySet<string> = new Set([
  ...[
    'server_error',
    'rate_limit_exceeded',
    'invalid_prompt',
    'context_length_exceeded',
    'insufficient_quota',
  ],
  ...['server_is_overloaded', 'slow_down', 'usage_not_included', 'cyber_policy', 'bio_policy'],
  ...[
    'invalid_image',
    'invalid_image_format',
    'invalid_base64_image',
    'invalid_image_url',
    'image_too_large',
  ],
  ...['image_too_small', 'image_parse_error', 'image_content_policy_violation', 'image_file_too_large'],
  ...['unsupported_image_media_type', 'empty_image_file', 'failed_to_download_image', 'image_file_not_found'],
])

/**
 * `error.code` of a failed response. Codex retries every code except those for a mistake of the client, and shortens its
 * conversation on `context_length_exceeded`.
 */
export function failureCode({ contextLimit, code, endpointType, statusCode }: AnswerFailure): string {
  if (contextLimit !== undefined) return 'context_length_exceeded'
  if (code !== undefined && knownCodes.has(code)) return code
  if (endpointType !== undefined && knownCodes.has(endpointType)) return endpointType
  switch (statusCode) {
    case 401:
    case 403:
    case 408:
      // The gateway's own key or time limit at the endpoint; the client's request is valid.
      return 'server_error'
    case 429:
      return 'rate_limit_exceeded'
    case 503:
    case 529:
      return 'server_is_overloaded'
    default:
      return statusCode >= 400 && statusCode < 500 ? 'invalid_prompt' : 'server_error'
  }
}
