import { errorText } from '../../dialects/errors/error-text.ts'
import { isMissingStatus, type Missing, namesObject, readMissing } from '../../dialects/errors/missing.ts'
import { managesEndpoint, operationOf } from '../../dialects/requests/operation.ts'
import type { RequestVariant } from '../../dialects/variants/request-variant.ts'
import type { AttemptFailure } from '../../endpoints/connections/failure.ts'
import { headerValue, type UpstreamHead } from '../../http/headers/response-headers.ts'
import { unpacked } from './unpacked.ts'

/** An answer that reports a missing path or model. */
export interface LackingAnswer {
  readonly missing: Missing
  readonly failure: AttemptFailure
  /** Path that was requested. */
  readonly path: string
  readonly message: string
}

const maxMessageLength = 160

/** Whether an answer may report a missing path or model, so that its body is worth reading. */
export function mayLack(method: string, path: string, { statusCode }: UpstreamHead): boolean {
  if (!isMissingStatus(statusCode)) return false
  const operation = operationOf(path)
  return operation.isInference && !managesEndpoint(method, operation)
}

/**
 * Reads an answer that `mayLack`.
 * @returns undefined if it rejects the request itself
 */
export function lackingAnswer(
  method: string,
  requestPath: string,
  { variant }: { readonly variant: RequestVariant | undefined },
  { statusCode, headers }: UpstreamHead,
  body: Buffer,
): LackingAnswer | undefined {
  const path = variant?.path ?? requestPath
  const text = unpacked(body, headerValue(headers, 'content-encoding'))
  const missing = readMissing({ path, statusCode, text })
  if (missing === 'request') return undefined
  // A route that rejects GET may still accept POST. The path of an object is no route of its own.
  const isPath = missing === 'path' && (variant?.method ?? method) === 'POST' && !namesObject(path)
  return {
    missing: missing === 'path' && !isPath ? 'unsure' : missing,
    failure: { kind: 'path_missing', statusCode, detail: isPath ? undefined : `status ${statusCode}` },
    path,
    message: text === undefined ? '' : errorMessageOf(text),
  }
}

/** The message of an error, safe to show; '' without one. */
export function errorMessageOf(text: string): string {
  if (text.trimStart().startsWith('<')) return ''
  const [first = ''] = errorText(text).split(' . ')
  const line = first
    .slice(0, maxMessageLength)
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
  return /^code: \d+$/.test(line) ? '' : line.replace(/\.$/, '')
}
