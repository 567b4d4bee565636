import { isObject, type JsonObject, textField } from './json-fields.ts'
import type { MessageError } from './message-shape.ts'

/** Error types of the Anthropic API by HTTP status; others follow their class. */
const typeByStatus: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
}

export function errorTypeOf(statusCode: number): string {
  return typeByStatus[statusCode] ?? (statusCode < 500 ? 'invalid_request_error' : 'api_error')
}

/** How servers say that a conversation has outgrown the model. Clients know Anthropic's words and shorten it. */
const contextOverflow =
  /context_length_exceeded|exceed_context_size|maximum context length|exceeds? the (?:available |model'?s )?context|context (?:length|window|size) exceeded|prompt is too long/i

/** Longest message that is passed on: endpoints quote whole prompts. */
const longestMessage = 2_000

/**
 * An error as Anthropic would tell it.
 * @param body of any server: OpenAI's, Ollama's, FastAPI's or Anthropic's object, or plain text
 */
export function translateError(statusCode: number, body: string): MessageError {
  const parsed = parse(body)
  const type = errorTypeOf(statusCode)
  if (!isObject(parsed)) {
    const text = body.trim()
    const isReadable = text !== '' && !text.startsWith('<')
    return {
      type,
      message: shortened(isReadable ? text : `The endpoint answered with status ${statusCode}.`),
    }
  }
  const found = errorOf(parsed)
  const message = found === undefined ? undefined : messageOf(found)
  return {
    type: anthropicType(found) ?? type,
    message: shortened(message ?? `The endpoint answered with status ${statusCode}.`),
  }
}

/** The error inside an answer that began well; undefined where there is none. */
export function readUpstreamError(value: JsonObject): MessageError | undefined {
  const isError = (value.error !== undefined && value.error !== null) || value.object === 'error'
  if (!isError) return undefined
  const found = errorOf(value)
  const code = isObject(found) ? Number(found.code ?? found.status) : Number.NaN
  return {
    type: anthropicType(found) ?? (code >= 400 && code < 600 ? errorTypeOf(code) : 'api_error'),
    message: shortened((found === undefined ? undefined : messageOf(found)) ?? 'The endpoint failed.'),
  }
}

/** Whether a body is an error in Anthropic's own envelope already. */
export function isAnthropicError(body: string): boolean {
  const parsed = parse(body)
  return isObject(parsed) && parsed.type === 'error' && isObject(parsed.error) && knownType(parsed.error)
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** The object or text in an error body that says what is wrong. */
function errorOf(body: JsonObject): JsonObject | string | undefined {
  const { error } = body
  if (typeof error === 'string') return textField(body, 'message') ?? error
  if (isObject(error)) return error
  if (typeof body.message === 'string') return body
  return detailOf(body.detail)
}

/** FastAPI: a text, or a list of what is wrong with each field. */
function detailOf(detail: unknown): string | undefined {
  if (typeof detail === 'string') return detail
  if (!Array.isArray(detail)) return undefined
  const texts = detail.filter(isObject).map((each) => {
    const field = Array.isArray(each.loc) ? each.loc.slice(1).join('.') : ''
    return `${field === '' ? '' : `${field}: `}${textField(each, 'msg') ?? 'invalid'}`
  })
  return texts.length === 0 ? undefined : texts.join('; ')
}

function messageOf(error: JsonObject | string): string | undefined {
  const message = typeof error === 'string' ? error : textField(error, 'message')
  if (message === undefined || message === '') return undefined
  const words = typeof error === 'string' ? error : `${message} ${String(error.code)} ${String(error.type)}`
  return contextOverflow.test(words) && !message.startsWith('prompt is too long')
    ? `prompt is too long: ${message}`
    : message
}

const anthropicTypes: ReadonlySet<string> = new Set([...Object.values(typeByStatus), 'api_error'])

/** A type that is Anthropic's as well says more than the status. */
function anthropicType(error: JsonObject | string | undefined): string | undefined {
  return isObject(error) && knownType(error) ? textField(error, 'type') : undefined
}

function knownType(error: JsonObject): boolean {
  return anthropicTypes.has(textField(error, 'type') ?? '')
}

function shortened(message: string): string {
  return message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message
}
