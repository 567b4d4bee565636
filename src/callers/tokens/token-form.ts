import type { IncomingHttpHeaders } from 'node:http'
import { bearerOf } from '../keys/presented-key.ts'

/** Longer texts are not verified. Tokens with many groups have some thousand characters. */
export const maxTokenLength = 16_384

/** `{` before any of the characters that may follow it in JSON, in base64url. */
const starts = ['ey', 'ew'] as const

/** Whether a text has the form of a signed token (RFC 7515 section 7.1): an object, and two dots. */
export function hasTokenForm(text: string): boolean {
  if (!starts.some((start) => text.startsWith(start))) return false
  const dot = text.indexOf('.')
  return dot > 0 && text.indexOf('.', dot + 1) > dot
}

/** Finds the token of a request, in the headers where SDKs put a key. */
export function presentedToken(headers: IncomingHttpHeaders): string | undefined {
  const bearer = bearerOf(headers.authorization)
  if (bearer !== undefined && hasTokenForm(bearer)) return bearer
  const { 'x-api-key': anthropic, 'api-key': azure } = headers
  if (typeof anthropic === 'string' && hasTokenForm(anthropic)) return anthropic
  return typeof azure === 'string' && hasTokenForm(azure) ? azure : undefined
}
