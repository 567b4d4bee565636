import type { Dialect } from '../../kernel/errors.ts'
import { readContextLimit } from '../errors/context-limit.ts'
import { readAnswerError } from '../errors/error-object.ts'
import type { AnswerOperation } from './operation.ts'

/** Longest message that is passed on: endpoints quote whole prompts. */
const longestMessage = 2_000

const openaiTypes: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  408: 'timeout_error',
  429: 'rate_limit_error',
  504: 'timeout_error',
}

const anthropicTypes: Readonly<Record<number, string>> = {
  ...openaiTypes,
  413: 'request_too_large',
  503: 'overloaded_error',
  529: 'overloaded_error',
}

/**
 * An endpoint's error in the words of the API that the client called.
 * @returns undefined where the body is in that dialect already
 */
export function errorInDialect(
  dialect: Dialect,
  operation: AnswerOperation,
  statusCode: number,
  body: string,
): string | undefined {
  const value = parsed(body)
  switch (dialect) {
    case 'ollama':
      return typeof value?.error === 'string'
        ? undefined
        : JSON.stringify({ error: messageOf(value, body, statusCode) })
    case 'anthropic':
      return isAnthropicError(value) ? undefined : anthropicError(value, body, statusCode)
    case 'openai':
      return openaiError(value, body, operation, statusCode)
  }
}

/** A full context is the client's to mend: SDKs repeat what failed with 5xx. */
export function statusInDialect(
  dialect: Dialect,
  operation: AnswerOperation,
  statusCode: number,
  body: string,
): number {
  return statusCode >= 500 && dialect === 'openai' && hasContext(operation) && isContextFull(statusCode, body)
    ? 400
    : statusCode
}

function hasContext(operation: AnswerOperation): boolean {
  return operation === 'chat' || operation === 'completions' || operation === 'responses'
}

function openaiError(
  value: JsonObject | undefined,
  body: string,
  operation: AnswerOperation,
  statusCode: number,
): string | undefined {
  const isFull = hasContext(operation) && isContextFull(statusCode, body)
  const own = value?.error
  if (isObject(own) && typeof own.message === 'string') {
    if (!isFull || own.code === contextCode) return undefined
    return JSON.stringify({ ...value, error: { ...own, code: contextCode } })
  }
  const found = readAnswerError(value)
  return JSON.stringify({
    error: {
      message: messageOf(value, body, statusCode),
      type:
        found?.type ??
        openaiTypes[statusCode] ??
        (statusCode < 500 ? 'invalid_request_error' : 'server_error'),
      param: found?.param ?? null,
      code: isFull ? contextCode : (found?.code ?? null),
    },
  })
}

/** What OpenAI's clients look for to shorten a conversation. */
const contextCode = 'context_length_exceeded'

function isContextFull(statusCode: number, body: string): boolean {
  return statusCode !== 429 && readContextLimit(body) !== undefined
}

function anthropicError(value: JsonObject | undefined, body: string, statusCode: number): string {
  const type = anthropicTypes[statusCode] ?? (statusCode < 500 ? 'invalid_request_error' : 'api_error')
  return JSON.stringify({ type: 'error', error: { type, message: messageOf(value, body, statusCode) } })
}

function messageOf(value: JsonObject | undefined, body: string, statusCode: number): string {
  const told = value === undefined ? plainText(body) : readAnswerError(value)?.message
  const message =
    told === undefined || told === '' ? `The endpoint answered with status ${statusCode}.` : told
  return message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message
}

function plainText(body: string): string | undefined {
  const text = body.trim()
  return text === '' || text.startsWith('<') ? undefined : text
}

type JsonObject = Readonly<Record<string, unknown>>

function isAnthropicError(value: JsonObject | undefined): boolean {
  return value?.type === 'error' && isObject(value.error) && typeof value.error.message === 'string'
}

function parsed(body: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
