import { GatewayError } from '../errors.ts'
import { BodyMembers, memberSpans } from '../json/body-members.ts'
import {
  closeBrace,
  closeBracket,
  comma,
  decodeString,
  type JsonSpan,
  openBrace,
  openBracket,
  quote,
  skipSpace,
  skipString,
  skipValue,
} from '../json/json-bytes.ts'
import { KeyNames } from '../json/key-names.ts'
import { contentBlocks } from './blocks.ts'
import { isObject } from './json-fields.ts'

/** Deepest nesting that is translated: writing deeper values would overflow the stack. */
const maxDepth = 400
/** A message with more bytes has something in it. */
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
 * Checks what every Messages request needs, without parsing it: the same for an endpoint that speaks the API and
 * for a translation, before an endpoint is asked.
 * @param needsMaxTokens false where tokens are only counted
 * @throws GatewayError invalid_request
 */
export function checkMessagesFrame(body: Buffer, needsMaxTokens = true): void {
  const spans = memberSpans(body, fields)
  // What is wrong with it is told when the model is read.
  if (spans === undefined) return
  const [messages, maxTokens, temperature, topP, topK, thread] = spans
  if (thread !== undefined && !isNull(body, thread)) refuseThread()
  checkMessages(body, messages)
  if (maxTokens === undefined && needsMaxTokens) refuse('max_tokens: Field required')
  checkNumber(body, maxTokens, (value) => value >= 1, 'max_tokens must be at least 1')
  checkNumber(body, temperature, (value) => value >= 0 && value <= 2, 'temperature must be between 0 and 2')
  checkNumber(body, topP, (value) => value >= 0 && value <= 1, 'top_p must be between 0 and 1')
  checkNumber(body, topK, (value) => value >= 0, 'top_k must be non-negative')
}

/**
 * A conversation that is left to the server (`thread`, a beta of the Anthropic API): no inference server keeps
 * one, and most would answer as if the new messages were all. Anthropic's clients know this refusal and send the
 * whole conversation.
 */
function refuseThread(): never {
  throw new GatewayError('invalid_request', 'thread: conversations are not kept here; send all messages', {
    details: { error_code: 'thread_unsupported_request', unsupported: ['thread'] },
  })
}

function checkMessages(body: Buffer, span: JsonSpan | undefined): void {
  if (span === undefined || isNull(body, span)) refuse('messages: at least one message is required')
  if (body[span.start] !== openBracket) refuse('messages: must be a list; at least one message is required')
  let at = skipSpace(body, span.start + 1)
  if (body[at] === closeBracket) refuse('messages: at least one message is required')
  for (let index = 0; ; index++) {
    const start = at
    const end = skipValue(body, start)
    if (end < 0) throw new GatewayError('invalid_json')
    if (body[start] !== openBrace) refuse(`messages.${index}: not an object`)
    const message = body.subarray(start, end)
    const role = checkRole(message, index)
    at = skipSpace(body, end)
    if (body[at] !== comma) {
      if (role === 'user' && message.length < emptyMessageBytes) checkContent(message, index)
      return
    }
    at = skipSpace(body, at + 1)
  }
}

function checkRole(message: Buffer, index: number): string {
  const members = new BodyMembers(message)
  let role: string | undefined
  while (members.next()) {
    if (members.find(roles) === undefined) continue
    role = message[members.start] === quote ? decodeString(message, members.start, members.end) : undefined
  }
  if (role === undefined || !knownRoles.has(role)) refuse(`messages.${index}.role: must be user or assistant`)
  return role
}

/** Engines continue the assistant's turn where the user's last one is empty, or fail in their template. */
function checkContent(message: Buffer, index: number): void {
  let parsed: unknown
  try {
    parsed = JSON.parse(message.toString('utf8'))
  } catch (error) {
    throw new GatewayError('invalid_json', undefined, { cause: error })
  }
  const content = isObject(parsed) ? parsed.content : undefined
  if (content === undefined || content === null) refuse(`messages.${index}.content: Field required`)
  const blocks = contentBlocks(content)
  if (blocks.length === 0) refuse(`messages.${index}: user messages must have non-empty content`)
  const isEmpty = blocks.every(
    ({ type, text }) => type === 'text' && typeof text === 'string' && text.trim() === '',
  )
  if (isEmpty) refuse('messages: text content blocks must contain non-whitespace text')
}

/** @throws GatewayError invalid_request where objects and lists stand in each other too deeply to be written again */
export function checkDepth(body: Buffer): void {
  let depth = 0
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]
    if (byte === quote) {
      at = skipString(body, at) - 1
      if (at < 0) return
    } else if (byte === openBrace || byte === openBracket) {
      if (++depth > maxDepth) refuse(`the request is nested more than ${maxDepth} levels deep`)
    } else if (byte === closeBrace || byte === closeBracket) depth--
  }
}

function checkNumber(
  body: Buffer,
  span: JsonSpan | undefined,
  isSound: (value: number) => boolean,
  rule: string,
): void {
  if (span === undefined || isNull(body, span)) return
  const text = body.toString('utf8', span.start, Math.min(span.end, span.start + 40))
  const value = body[span.start] === quote ? Number.NaN : Number(text)
  if (!(Number.isFinite(value) && isSound(value))) refuse(`${rule}, got ${text}`)
}

function isNull(body: Buffer, { start, end }: JsonSpan): boolean {
  return end - start === 4 && body[start] === 0x6e
}

function refuse(message: string): never {
  throw new GatewayError('invalid_request', message)
}
