import type { IncomingHttpHeaders } from 'node:http'
import { isKey } from './key-text.ts'

/**
 * Where the SDKs put a key, in the order in which the gateway looks: OpenAI's, Ollama's and Anthropic's `authToken` send
 * `Authorization: Bearer`, Anthropic's `apiKey` sends `x-api-key`, and Azure's OpenAI client `api-key`.
 */
const headerNames = ['x-api-key', 'api-key'] as const

/**
 * Finds the key of a request. A client may send a placeholder in one header and its key in another, so the first text
 * that has the form of a key wins, else the first text.
 * @returns undefined if the request has none
 */
export function presentedKey(headers: IncomingHttpHeaders): string | undefined {
  const bearer = bearerOf(headers.authorization)
  if (bearer !== undefined && isKey(bearer)) return bearer
  let first = bearer
  for (const name of headerNames) {
    const value = headers[name]
    if (typeof value !== 'string' || value === '') continue
    if (isKey(value)) return value
    first ??= value
  }
  return first
}

/** Reads `Bearer <key>` without a regular expression: the field may be as long as the head. */
export function bearerOf(field: string | undefined): string | undefined {
  if (field === undefined || field.length < 8) return undefined
  const scheme = field.slice(0, 7)
  if (scheme !== 'Bearer ' && scheme.toLowerCase() !== 'bearer ') return undefined
  const text = field.slice(7).trim()
  return text === '' ? undefined : text
}
