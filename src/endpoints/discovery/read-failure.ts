import { QueueFullError } from '../../kernel/bounded-queue.ts'
import { neverSent } from '../connections/failure.ts'
import { FetchError, type FetchedAnswer } from '../connections/fetch.ts'
import { ListFormatError } from './list-parsers.ts'

/** Why a list could not be read, for display. */
export function shownError(error: unknown): string {
  if (error instanceof FetchError || error instanceof ListFormatError || error instanceof QueueFullError) {
    return error.message
  }
  return 'the model list could not be read'
}

/** A server that closes the connection on one path may answer others; an unreachable one answers none. */
export function noAnswer(error: unknown): FetchedAnswer {
  const isPathOnly =
    error instanceof FetchError &&
    !neverSent(error.failure.kind) &&
    error.failure.kind !== 'first_byte_timeout'
  if (!isPathOnly) throw error
  return { statusCode: 0, header: () => undefined, body: Buffer.alloc(0), durationMs: 0 }
}

/** The gateway itself could not send the request, which says nothing about the endpoint. */
export function isShortage(error: unknown): boolean {
  return error instanceof FetchError && error.failure.kind === 'shortage'
}
