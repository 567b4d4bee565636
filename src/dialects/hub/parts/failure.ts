import { isObject, type JsonObject, textField } from '../../../kernel/json/json-fields.ts'
import { readContextLimit } from '../../errors/context-limit.ts'
import { readAnswerError } from '../../errors/error-object.ts'
import type { AnswerFailure } from '../contract/answer.ts'

/** Longest message that is forwarded: endpoints quote whole prompts. */
const maxMessageLength = 2_000
/** Maximum nesting of errors that gateways have wrapped in each other. */
const maxWrappings = 3

/**
 * Reads an answer with an error status.
 * @param body of any server: OpenAI's, Ollama's, FastAPI's or Anthropic's object, or plain text
 */
export function failedAnswer(statusCode: number, body: string): AnswerFailure {
  const value = parse(body)
  const found = isObject(value) ? errorOf(value) : undefined
  const text = isObject(value) ? undefined : readableText(body)
  const fallback = `The endpoint answered with status ${statusCode}.`
  const message = (found === undefined ? text : messageOf(found)) ?? fallback
  return failure(statusCode, found, message, body)
}

/** Reads the error inside a 2xx answer; undefined if there is none. */
export function failureIn(value: JsonObject): AnswerFailure | undefined {
  if (value.choices !== undefined && value.choices !== null && (value.error ?? null) === null)
    return undefined
  const answered = readAnswerError(value)
  if (answered === undefined && !isErrorAnswer(value)) return undefined
  const found = errorOf(value)
  const message = (found === undefined ? undefined : messageOf(found)) ?? 'The endpoint failed.'
  return failure(answered?.statusCode, found, message, JSON.stringify(value))
}

/**
 * Reads the error in an answer without a readable event: in another field of the stream (llama.cpp wrote `error: {…}`
 * until late 2025, ggml-org/llama.cpp#16109), JSON without framing, or plain text.
 */
export function failureInText(text: string): AnswerFailure | undefined {
  for (const line of text.split('\n', 100)) {
    const value = parse(line.replace(/^[a-z]{1,10}:/, '').trim())
    if (!isObject(value)) continue
    const found = failureIn(value) ?? failureIn({ error: value })
    if (found !== undefined && messageOf(errorOf(value) ?? value) !== undefined) return found
  }
  const lines = text.split('\n', 100).filter((line) => !/^(?:data|event|id|retry)?:/.test(line))
  const plain = readableText(lines.join('\n').replace(/^error: ?/, ''))
  return plain === undefined ? undefined : failure(undefined, undefined, plain, plain)
}

function failure(
  statusCode: number | undefined,
  found: JsonObject | string | undefined,
  message: string,
  body: string,
): AnswerFailure {
  const contextLimit = readContextLimit(body)
  const error = isObject(found) ? found : {}
  return {
    // A full context is the client's to mend, whatever status the endpoint gives it.
    statusCode: contextLimit === undefined ? (statusCode ?? 502) : 400,
    endpointType: errorType(error),
    code: textField(error, 'code'),
    param: textField(error, 'param'),
    message: shortened(message),
    contextLimit,
  }
}

/** The type of an event does not describe the failure. */
function errorType(error: JsonObject): string | undefined {
  const type = textField(error, 'type')
  return type === 'error' || type?.startsWith('response.') === true ? undefined : type
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

function shortened(message: string): string {
  return message.length > maxMessageLength ? `${message.slice(0, maxMessageLength)}…` : message
}
