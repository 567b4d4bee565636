import { closeBrace, colon, comma, openBrace, quote, skipSpace, skipString } from './json-bytes.ts'

/**
 * Messages that mean the same in every API for chats: `{"role":"user","content":"…"}`, in turn with the assistant's. The
 * run starts and ends with a user's message and stands between two of the assistant's, so that one user's message can
 * replace it.
 */
export interface MessageRun {
  readonly start: number
  /** After the last message; `start` if there is no run. */
  readonly end: number
  /** No other run begins before or at this offset. */
  readonly tried: number
  /** Start and end of each text before and after the run that the search has passed. */
  readonly texts: readonly number[]
}

const roleKey = Buffer.from('"role"')
const contentKey = Buffer.from('"content"')
const user = Buffer.from('"user"')
const assistant = Buffer.from('"assistant"')
/** A shorter run is cheaper to parse than to replace. */
const minBytes = 512
const lessThan = 0x3c
const backslash = 0x5c

/**
 * Finds the first run in a list.
 * @param from offset of a message
 * @param exceptStart texts that start with it do not belong to a run
 */
export function findRun(body: Buffer, from: number, exceptStart: Buffer | undefined): MessageRun {
  const texts: number[] = []
  let textsBefore = 0
  let start = 0
  let end = 0
  let isUser: boolean | undefined
  let opening: Opening | undefined
  let before: Opening | undefined
  let at = from
  for (;;) {
    // The messages of a client are alike, so that each usually starts like the one before the last.
    const next: Opening | undefined =
      before !== undefined && isAt(body, at, before.bytes) ? before : openingAt(body, at)
    if (next === undefined || next.isUser === isUser) break
    const textStart = at + next.bytes.length - 1
    if (!isPlain(body, textStart + 1, exceptStart)) break
    const textEnd = skipString(body, textStart, 0)
    const after = textEnd < 0 ? -1 : skipSpace(body, textEnd)
    const hasMore = body[after] !== closeBrace
    // The first message of the assistant precedes the run; each later one ends what is known of it.
    if (next.isUser && isUser === false && start === 0 && !hasMore) {
      start = at
      textsBefore = texts.length
    }
    if (!next.isUser && start > 0 && !hasMore) {
      end = at
      texts.length = textsBefore
    }
    texts.push(textStart, textEnd)
    if (hasMore) break
    isUser = next.isUser
    before = opening
    opening = next
    at = skipSpace(body, after + 1)
    if (body[at] !== comma) break
    at = skipSpace(body, at + 1)
  }
  const last = end === 0 ? 0 : lastBrace(body, end)
  return last - start < minBytes
    ? { start: 0, end: 0, tried: at, texts }
    : { start, end: last, tried: at, texts }
}

/** Offset after the message before the one at `next`. */
function lastBrace(body: Buffer, next: number): number {
  let at = next
  while (body[at - 1] !== closeBrace) at--
  return at
}

/** A message up to the first byte of its text. */
interface Opening {
  readonly bytes: Buffer
  readonly isUser: boolean
}

/** @returns undefined if the message is neither a user's nor the assistant's, or does not have its text next */
function openingAt(body: Buffer, from: number): Opening | undefined {
  let at = afterKey(body, body[from] === openBrace ? skipSpace(body, from + 1) : -1, roleKey)
  if (at < 0) return undefined
  const isUser = isAt(body, at, user)
  if (!isUser && !isAt(body, at, assistant)) return undefined
  at = skipSpace(body, at + (isUser ? user : assistant).length)
  if (body[at] !== comma) return undefined
  at = afterKey(body, skipSpace(body, at + 1), contentKey)
  return at < 0 || body[at] !== quote ? undefined : { bytes: body.subarray(from, at + 1), isUser }
}

/** @returns offset of the value of a key; -1 if another key is there */
function afterKey(body: Buffer, from: number, key: Buffer): number {
  if (from < 0 || !isAt(body, from, key)) return -1
  const at = skipSpace(body, from + key.length)
  return body[at] === colon ? skipSpace(body, at + 1) : -1
}

/**
 * Whether a text starts with a character that no reader drops or looks at: not with white space, a tag, or an escape
 * other than that of a quotation mark.
 */
function isPlain(body: Buffer, at: number, exceptStart: Buffer | undefined): boolean {
  const byte = body[at] ?? 0
  if (byte === backslash) return body[at + 1] === quote
  if (byte <= 0x20 || byte === quote || byte === lessThan) return false
  if (exceptStart !== undefined && isAt(body, at, exceptStart)) return false
  // U+0400 to U+07FF, and U+4000 to U+CFFF.
  return byte < 0x7f || (byte >= 0xd0 && byte <= 0xdf) || (byte >= 0xe4 && byte <= 0xec)
}

function isAt(body: Buffer, at: number, bytes: Buffer): boolean {
  for (let index = 0; index < bytes.length; index++) if (body[at + index] !== bytes[index]) return false
  return true
}
