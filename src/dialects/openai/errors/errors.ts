import type { ErrorType } from '../../../kernel/errors.ts'
import { errorTable } from '../../../kernel/errors.ts'
import { isObject, type JsonObject, textField } from '../../../kernel/json/json-fields.ts'
import type { DialectErrors, ErrorForm } from '../../contract/dialect.ts'
import { clientMessage, parsedError } from '../../errors/client-message.ts'
import { readContextLimit } from '../../errors/context-limit.ts'
import { readAnswerError } from '../../errors/error-object.ts'

const types: Readonly<Record<ErrorType, string>> = {
  invalid_request: 'invalid_request_error',
  authentication: 'authentication_error',
  permission: 'permission_error',
  not_found: 'not_found_error',
  unserved: 'invalid_request_error',
  too_large: 'invalid_request_error',
  rate_limit: 'rate_limit_error',
  quota: 'insufficient_quota',
  timeout: 'timeout_error',
  server: 'server_error',
  overloaded: 'server_error',
}

/** Types of endpoint errors that name none. Other statuses follow their class. */
const typeByStatus: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  429: 'rate_limit_error',
  504: 'timeout_error',
}

const noDetails: JsonObject = {}

const storedObject = /\/v\d+\/(responses|conversations)\/([^/]+)/
const unknownMessage =
  /\b(?:response|conversation)s?\b(?!\/).{0,200}?\b(?:not[\s_]found|does(?: not|n't) exist|expired|unknown)\b/i
/** Errors are at most a few lines long. */
const maxTextLength = 8_192
/** Below `/responses`, but not the ID of one. */
const operations: ReadonlySet<string> = new Set(['input_tokens', 'compact'])

/** The code on which OpenAI's clients shorten a conversation. */
export const contextCode = 'context_length_exceeded'

export const openaiErrors = {
  types,
  body({ code, message, attempts = [], details = noDetails }, requestId) {
    return {
      error: {
        message,
        type: types[errorTable[code].type],
        param: textField(details, 'param') ?? null,
        code: textField(details, 'error_code') ?? code,
        request_id: requestId,
        ...(attempts.length > 0 ? { attempts } : {}),
      },
    }
  },
  event(framing, body) {
    return framing === 'ndjson' ? `${body}\n` : `data: ${body}\n\n`
  },
  translate(form, statusCode, body) {
    const value = parsedError(body)
    const isFull = isContextFull(form, statusCode, body)
    const own = value?.error
    // Anthropic's envelope, from an endpoint of its API, has other types and lacks the code.
    const isForeign = value?.type === 'error'
    if (isObject(own) && typeof own.message === 'string' && !isForeign) {
      if (!isFull || own.code === contextCode) return undefined
      return JSON.stringify({ ...value, error: { ...own, code: contextCode } })
    }
    const found = readAnswerError(value)
    return JSON.stringify({
      error: {
        message: clientMessage(value, body, statusCode),
        type: (isForeign ? undefined : found?.type) ?? errorTypeOf(statusCode),
        param: found?.param ?? null,
        code: isFull ? contextCode : (found?.code ?? null),
      },
    })
  },
  /** Only the client can fix a full context, and SDKs retry 5xx. */
  status(form, statusCode, body) {
    return statusCode >= 500 && isContextFull(form, statusCode, body) ? 400 : statusCode
  },
  unknownObject(path, text) {
    const [, kind, id] = storedObject.exec(path) ?? []
    if (id === undefined || operations.has(id) || unknownMessage.test(text.slice(0, maxTextLength)))
      return undefined
    return `${kind === 'responses' ? 'Response' : 'Conversation'} with id '${id.slice(0, 100)}' not found.`
  },
} satisfies DialectErrors

/** The type of an endpoint's error by its status. */
export function errorTypeOf(statusCode: number): string {
  return typeByStatus[statusCode] ?? (statusCode < 500 ? 'invalid_request_error' : 'server_error')
}

function isContextFull(form: ErrorForm, statusCode: number, body: string): boolean {
  return form.hasContext && statusCode !== 429 && readContextLimit(body) !== undefined
}
