import { isObject } from '../../../kernel/json/json-fields.ts'
import { readContextLimit } from '../../errors/context-limit.ts'
import type { AnswerFailure } from '../../hub/contract/answer.ts'
import { contextSentence, type RequestSize } from './context-sentence.ts'
import { errorTypeOf, knownErrorTypes } from './error-types.ts'

/** `error` of Anthropic's envelope. */
export interface MessageError {
  readonly type: string
  readonly message: string
}

/**
 * An endpoint's failure as Anthropic's API would report it.
 * @param size what is known of the request; called only if the context is full
 */
export function failureError(
  failure: AnswerFailure,
  size: RequestSize | (() => RequestSize) = {},
): MessageError {
  const { statusCode, message, contextLimit } = failure
  if (contextLimit === undefined) return { type: typeOf(failure) ?? errorTypeOf(statusCode), message }
  // Agents compact their context, or request fewer tokens, only on Anthropic's exact message and status.
  const beginning =
    contextLimit.kind === 'prompt'
      ? 'prompt is too long'
      : 'input length and `max_tokens` exceed context limit'
  const prefixed = message.startsWith(beginning) ? message : `${beginning}: ${message}`
  const sentence = contextSentence(contextLimit, typeof size === 'function' ? size() : size)
  return { type: 'invalid_request_error', message: sentence ?? prefixed }
}

/** Whether a body is an error in Anthropic's own envelope that clients understand as it is. */
export function isAnthropicError(body: string): boolean {
  const parsed = parse(body)
  if (!isObject(parsed) || parsed.type !== 'error' || !isObject(parsed.error)) return false
  const { type } = parsed.error
  return typeof type === 'string' && knownErrorTypes.has(type) && readContextLimit(body) === undefined
}

/**
 * A type that Anthropic also defines is more specific than the status, except that it must not turn a client error into
 * a server error: Ollama calls every error an `api_error`.
 */
function typeOf({ endpointType: type, statusCode }: AnswerFailure): string | undefined {
  if (type === undefined || !knownErrorTypes.has(type)) return undefined
  return statusCode < 500 && (type === 'api_error' || type === 'overloaded_error') ? undefined : type
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
