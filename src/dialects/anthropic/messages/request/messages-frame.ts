import { GatewayError } from '../../../../kernel/errors.ts'
import { memberSpans } from '../../../../kernel/json/body-members.ts'
import {
  closeBracket,
  comma,
  type JsonSpan,
  openBrace,
  openBracket,
  skipSpace,
  skipValue,
} from '../../../../kernel/json/json-bytes.ts'
import { isObject, type JsonObject } from '../../../../kernel/json/json-fields.ts'
import { KeyNames } from '../../../../kernel/json/key-names.ts'
import { contentBlocks } from '../../../hub/parts/blocks.ts'

/** Up to this size, parsing a body is faster than scanning it, as long as most of it is short strings. */
const maxParsedBytes = 262_144
/** A larger message cannot be empty. */
const emptyMessageBytes = 4_096

const fields = new KeyNames<number>([
  ['messages', 0],
  ['max_tokens', 1],
  ['temperature', 2],
  ['top_p', 3],
  ['top_k', 4],
  ['thread', 5],
])
const roles = new KeyNames<number>([['role', 0]])
const knownRoles: ReadonlySet<string> = new Set(['user', 'assistant', 'system', 'developer'])

/**
 * Validates what every Messages request requires, before the gateway chooses an endpoint; native endpoints and
 * translations have the same requirements.
 * @param needsMaxTokens false for requests that only count tokens
 * @throws GatewayError invalid_request, invalid_json
 */
export function checkMessagesFrame(body: Buffer, needsMaxTokens = true): void {
  if (body.length > maxParsedBytes) checkScanned(body, needsMaxTokens)
  else checkParsed(parse(body), needsMaxTokens)
}

function checkParsed(request: unknown, needsMaxTokens: boolean): void {
  if (!isObject(request)) refuse('the request body must be an object')
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

/** Scans the body: images and files make it large, and scanning is then cheaper than parsing. */
function checkScanned(body: Buffer, needsMaxTokens: boolean): void {
  const spans = memberSpans(body, fields)
  // Reading the model reports what is wrong with such a body.
  if (spans === undefined) return
  const [messages, ...numbers] = spans
  const values = numbers.map((span) => (span === undefined ? undefined : valueAt(body, span)))
  const [max_tokens, temperature, top_p, top_k, thread] = values
  if ((thread ?? null) !== null) refuseThread()
  checkMessages(body, messages)
  checkNumbers({ max_tokens, temperature, top_p, top_k }, needsMaxTokens)
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

function checkMessages(body: Buffer, span: JsonSpan | undefined): void {
  if (span === undefined || body[span.start] !== openBracket) {
    refuse('messages: at least one message is required')
  }
  let at = skipSpace(body, span.start + 1)
  if (body[at] === closeBracket) refuse('messages: at least one message is required')
  for (let index = 0; ; index++) {
    const start = at
    const end = skipValue(body, start)
    if (end < 0) throw new GatewayError('invalid_json')
    if (body[start] !== openBrace) refuse(`messages.${index}: not an object`)
    const role = roleIn(body.subarray(start, end))
    checkRole(role, index)
    at = skipSpace(body, end)
    if (body[at] !== comma) {
      if (role === 'user' && end - start < emptyMessageBytes) {
        const message = valueAt(body, { start, end })
        checkContent(isObject(message) ? message.content : undefined, index)
      }
      return
    }
    at = skipSpace(body, at + 1)
  }
}

function roleIn(message: Buffer): unknown {
  const [span] = memberSpans(message, roles) ?? []
  return span === undefined ? undefined : valueAt(message, span)
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

function valueAt(body: Buffer, { start, end }: JsonSpan): unknown {
  return parse(body.subarray(start, end))
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (error) {
    throw new GatewayError('invalid_json', undefined, { cause: error })
  }
}

function refuse(message: string): never {
  throw new GatewayError('invalid_request', message)
}
