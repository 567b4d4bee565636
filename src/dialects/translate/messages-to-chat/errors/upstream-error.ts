import { isObject, type JsonObject, textField } from '../../../../kernel/json/json-fields.ts'
import { contextSentence, type RequestSize } from '../../../anthropic/context-sentence.ts'
import { errorTypeOf, knownErrorTypes } from '../../../anthropic/error-types.ts'
import { readContextLimit } from '../../../errors/context-limit.ts'
import { readAnswerError } from '../../../errors/error-object.ts'
import type { MessageError } from '../shared/message-shape.ts'

/** An endpoint's error as Anthropic's API would report it. */
export interface UpstreamError extends MessageError {
  readonly statusCode: number
}

/** Longest message that is forwarded: endpoints quote whole prompts. */
const maxMessageLength = 2_000
/** Maximum nesting of errors that gateways have wrapped in each other. */
const maxWrappings = 3

/**
 * Translates an error answer to what Anthropic's API would report.
 * @param body of any server: OpenAI's, Ollama's, FastAPI's or Anthropic's object, or plain text
 * @param size what is known of the request; called only if the context is full
 */
export function translateError(
  statusCode: number,
  body: string,
  size?: RequestSize | (() => RequestSize),
): UpstreamError {
  const parsed = parse(body)
  const found = isObject(parsed) ? errorOf(parsed) : undefined
  const text = isObject(parsed) ? undefined : readableText(body)
  const fallback = `The endpoint answered with status ${statusCode}.`
  const message = (found === undefined ? text : messageOf(found)) ?? fallback
  return (
    contextError(body, message, size) ?? {
      statusCode,
      type: anthropicType(found, statusCode) ?? errorTypeOf(statusCode),
      message: shortened(message),
    }
  )
}

/**
 * The error inside a 2xx answer; undefined if there is none. Its status is the one that the endpoint should have used:
 * clients retry a 5xx and must not retry a 4xx.
 */
export function readUpstreamError(value: JsonObject, size?: RequestSize): UpstreamError | undefined {
  if (value.choices !== undefined && value.choices !== null && (value.error ?? null) === null)
    return undefined
  const answered = readAnswerError(value)
  if (answered === undefined && !isErrorAnswer(value)) return undefined
  const found = errorOf(value)
  const message = (found === undefined ? undefined : messageOf(found)) ?? 'The endpoint failed.'
  const code = answered?.statusCode
  return (
    contextError(JSON.stringify(value), message, size) ?? {
      statusCode: code ?? 502,
      type: anthropicType(found, code) ?? (code === undefined ? 'api_error' : errorTypeOf(code)),
      message: shortened(message),
    }
  )
}

/**
 * The error in an answer without a readable event: in another field of the stream (llama.cpp wrote `error: {…}` until
 * late 2025, ggml-org/llama.cpp#16109), JSON without framing, or plain text.
 */
export function unreadAnswerError(text: string, size?: RequestSize): UpstreamError | undefined {
  for (const line of text.split('\n', 100)) {
    const value = parse(line.replace(/^[a-z]{1,10}:/, '').trim())
    if (!isObject(value)) continue
    const error = readUpstreamError(value, size) ?? readUpstreamError({ error: value }, size)
    if (error !== undefined && messageOf(errorOf(value) ?? value) !== undefined) return error
  }
  const lines = text.split('\n', 100).filter((line) => !/^(?:data|event|id|retry)?:/.test(line))
  const plain = readableText(lines.join('\n').replace(/^error: ?/, ''))
  if (plain === undefined) return undefined
  return contextError(plain, plain, size) ?? { statusCode: 502, type: 'api_error', message: shortened(plain) }
}

/** Whether a body is an error in Anthropic's own envelope that clients understand as it is. */
export function isAnthropicError(body: string): boolean {
  const parsed = parse(body)
  if (!isObject(parsed) || parsed.type !== 'error' || !isObject(parsed.error)) return false
  return knownType(parsed.error) && readContextLimit(body) === undefined
}

/** Agents compact their context, or request fewer tokens, only on Anthropic's exact message and status. */
function contextError(
  body: string,
  message: string,
  size: RequestSize | (() => RequestSize) | undefined,
): UpstreamError | undefined {
  const limit = readContextLimit(body)
  if (limit === undefined) return undefined
  const beginning =
    limit.kind === 'prompt' ? 'prompt is too long' : 'input length and `max_tokens` exceed context limit'
  const prefixed = message.startsWith(beginning) ? message : `${beginning}: ${message}`
  return {
    statusCode: 400,
    type: 'invalid_request_error',
    message: contextSentence(limit, typeof size === 'function' ? size() : size) ?? shortened(prefixed),
  }
}

function isErrorAnswer(value: JsonObject): boolean {
  if (value.error !== undefined && value.error !== null) return true
  return value.choices === undefined && typeof value.message === 'string'
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

/** HTML is not useful to a client. */
function readableText(body: string): string | undefined {
  const text = body.trim()
  return text === '' || text.startsWith('<') ? undefined : text
}

/** The object or text in an error body that describes the error. */
function errorOf(body: JsonObject, depth = 0): JsonObject | string | undefined {
  const { error } = body
  const found =
    typeof error === 'string'
      ? (textField(body, 'message') ?? error)
      : isObject(error)
        ? error
        : typeof body.message === 'string'
          ? body
          : detailOf(body.detail)
  // Ollama embeds its runner's answer unchanged in the message.
  const message =
    typeof found === 'string' ? found : found === undefined ? '' : (textField(found, 'message') ?? '')
  const inner = depth < maxWrappings && message.startsWith('{') ? parse(message) : undefined
  return (isObject(inner) ? errorOf(inner, depth + 1) : undefined) ?? found
}

/** FastAPI: a string, an object, or a list with one entry per invalid field. */
function detailOf(detail: unknown): string | undefined {
  if (typeof detail === 'string') return detail
  if (isObject(detail))
    return textField(detail, 'message') ?? textField(detail, 'error') ?? textField(detail, 'msg')
  if (!Array.isArray(detail)) return undefined
  const texts = detail.filter(isObject).map((each) => {
    const field = Array.isArray(each.loc) ? each.loc.slice(1).join('.') : ''
    return `${field === '' ? '' : `${field}: `}${textField(each, 'msg') ?? 'invalid'}`
  })
  return texts.length === 0 ? undefined : texts.join('; ')
}

function messageOf(error: JsonObject | string): string | undefined {
  const message =
    typeof error === 'string'
      ? error
      : (textField(error, 'message') ?? textField(error, 'detail') ?? textField(error, 'msg'))
  return message === '' ? undefined : message
}

/**
 * A type that Anthropic also defines is more specific than the status, except that it must not turn a client error into
 * a server error: Ollama calls every error an `api_error`.
 */
function anthropicType(
  error: JsonObject | string | undefined,
  statusCode: number | undefined,
): string | undefined {
  const type = isObject(error) && knownType(error) ? textField(error, 'type') : undefined
  const isClients = statusCode !== undefined && statusCode < 500
  return isClients && (type === 'api_error' || type === 'overloaded_error') ? undefined : type
}

function knownType(error: JsonObject): boolean {
  return knownErrorTypes.has(textField(error, 'type') ?? '')
}

function shortened(message: string): string {
  return message.length > maxMessageLength ? `${message.slice(0, maxMessageLength)}…` : message
}
