import { type AnswerError, readAnswerError } from './error-object.ts'

/** An answer with a 2xx status that is not an answer. */
export interface BadAnswer {
  /** For logs and clients. */
  readonly reason: string
  /** The error that it reports. */
  readonly error?: AnswerError | undefined
  /** The error as a JSON text. */
  readonly body?: string | undefined
  /** The whole answer, which reports its failure itself; relayed as it is if no endpoint gives a better one. */
  readonly whole?: string | undefined
  /**
   * Whether it is a complete answer without content. Some models give none, so the client gets it if no other endpoint
   * answers.
   */
  readonly isEmpty?: boolean | undefined
}

/** The error that a JSON text reports; undefined if it reports none. */
export function errorIn(text: string): BadAnswer | undefined {
  const error = readAnswerError(parsed(text))
  return error === undefined ? undefined : { reason: reasonOf(error), error, body: text }
}

/** The error in an event with the name of an error event. */
export function errorOfEvent(text: string): BadAnswer {
  const value = parsed(text)
  const error = readAnswerError(value)
  if (error !== undefined && isWrapped(value)) return { reason: reasonOf(error), error, body: text }
  const wrapped = { error: value ?? text }
  const found = readAnswerError(wrapped)
  return { reason: reasonOf(found), error: found, body: JSON.stringify(wrapped) }
}

function isWrapped(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    ('error' in value || 'detail' in value || 'response' in value)
  )
}

function reasonOf(error: AnswerError | undefined): string {
  return error?.statusCode === undefined ? 'an error' : `error ${error.statusCode}`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
