import { GatewayError } from '../../../../kernel/errors.ts'
import { isObject, type JsonObject } from '../../../../kernel/json/json-fields.ts'
import { contentBlocks } from '../../../hub/parts/blocks.ts'

const knownRoles: ReadonlySet<string> = new Set(['user', 'assistant', 'system', 'developer'])

/**
 * Validates what every Messages request requires, before the gateway chooses an endpoint; native endpoints and
 * translations have the same requirements.
 * @param request parsed by `parseShort` or `parseRequest`
 * @param needsMaxTokens false for requests that only count tokens
 * @throws GatewayError invalid_request
 */
export function checkMessagesFrame(request: JsonObject, needsMaxTokens = true): void {
  const { messages } = request
  if ((request.thread ?? null) !== null) refuseThread()
  if (!Array.isArray(messages) || messages.length === 0) refuse('messages: at least one message is required')
  messages.forEach((message: unknown, index) => {
    if (!isObject(message)) refuse(`messages.${index}: not an object`)
    checkRole(message.role, index)
  })
  const last: unknown = messages.at(-1)
  if (isObject(last) && last.role === 'user') checkContent(last.content, messages.length - 1)
  checkNumbers(request, needsMaxTokens)
}

function checkNumbers(request: JsonObject, needsMaxTokens: boolean): void {
  const { max_tokens: maxTokens, temperature, top_p: topP, top_k: topK } = request
  if (maxTokens === undefined && needsMaxTokens) refuse('max_tokens: Field required')
  checkNumber(maxTokens, 1, Number.POSITIVE_INFINITY, 'max_tokens must be at least 1')
  checkNumber(temperature, 0, 2, 'temperature must be between 0 and 2')
  checkNumber(topP, 0, 1, 'top_p must be between 0 and 1')
  checkNumber(topK, 0, Number.POSITIVE_INFINITY, 'top_k must be non-negative')
}

/**
 * Refuses a conversation that the server stores (`thread`, a beta of the Anthropic API). Inference servers store none,
 * and most would treat the new messages as the whole conversation. Anthropic's clients recognize this refusal and send
 * the whole conversation.
 */
function refuseThread(): never {
  throw new GatewayError('invalid_request', 'thread: conversations are not kept here; send all messages', {
    details: { error_code: 'thread_unsupported_request', unsupported: ['thread'] },
  })
}

function checkRole(role: unknown, index: number): void {
  if (typeof role !== 'string' || !knownRoles.has(role)) {
    refuse(`messages.${index}.role: must be user or assistant`)
  }
}

/** If the last user turn is empty, engines continue the assistant's turn or fail in their template. */
function checkContent(content: unknown, index: number): void {
  if (content === undefined || content === null) refuse(`messages.${index}.content: Field required`)
  if (typeof content === 'string' && content !== '' && content.trim() !== '') return
  const blocks = contentBlocks(content)
  if (blocks.length === 0) refuse(`messages.${index}: user messages must have non-empty content`)
  const isEmpty = blocks.every(
    ({ type, text }) => type === 'text' && typeof text === 'string' && text.trim() === '',
  )
  if (isEmpty) refuse('messages: text content blocks must contain non-whitespace text')
}

function checkNumber(value: unknown, min: number, max: number, rule: string): void {
  if (value === undefined || value === null) return
  if (typeof value !== 'number' || value < min || value > max) {
    refuse(`${rule}, got ${shown(value)}`)
  }
}

/** Does not include the value itself, which may be nested to any depth. */
function shown(value: unknown): string {
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'an object'
  return String(JSON.stringify(value)).slice(0, 40)
}

function refuse(message: string): never {
  throw new GatewayError('invalid_request', message)
}
