// Walks JSON as bytes without parsing or validating it. Positions are offsets into the buffer.

/** Byte range of a value in a JSON text. `end` is exclusive; the range of a string includes its quotes. */
export interface JsonSpan {
  readonly start: number
  readonly end: number
}

export const quote = 0x22
export const backslash = 0x5c
export const comma = 0x2c
export const colon = 0x3a
export const openBrace = 0x7b
export const closeBrace = 0x7d
export const openBracket = 0x5b
export const closeBracket = 0x5d

/** Decodes a JSON string; undefined if the range is not a string. @param end after the closing quote */
export function decodeString(body: Buffer, start: number, end: number): string | undefined {
  const text = body.toString('utf8', start, end)
  if (!text.includes('\\')) return text.slice(1, -1)
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}

/** Offset of the first byte that is not white space, or the length of the buffer. */
export function skipSpace(body: Buffer, from: number): number {
  let at = from
  for (;;) {
    const byte = body[at]
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at
    at++
  }
}

/** Bytes of a string to check one by one before calling `indexOf`: most strings are short. */
const nearBytes = 48
/** Below this distance between quotes a loop is faster than `indexOf`: 0.9 ns per byte against 25 ns per call. */
const denseGapBytes = 16
/** Limit of the loop, which grows where escaped quotes are dense, as in source code. */
const maxWalkBytes = 256

/**
 * @param from offset of the opening quote
 * @param firstBytes of the string to check one by one
 * @returns offset after the closing quote; -1 if the string does not end
 */
export function skipString(body: Buffer, from: number, firstBytes = nearBytes): number {
  let at = from + 1
  let walkBytes = firstBytes
  for (;;) {
    const near = Math.min(body.length, at + walkBytes)
    while (at < near) {
      const byte = body[at]
      if (byte === quote) return at + 1
      at += byte === backslash ? 2 : 1
    }
    const end = body.indexOf(quote, at)
    if (end < 0) return -1
    let backslashes = 0
    while (end - 1 - backslashes >= at && body[end - 1 - backslashes] === backslash) backslashes++
    if (backslashes % 2 === 0) return end + 1
    const isDense = end - at < denseGapBytes
    walkBytes = isDense ? Math.min(Math.max(2 * walkBytes, denseGapBytes), maxWalkBytes) : 0
    at = end + 1
  }
}

/** @param from first byte of a value @returns offset after the value; -1 if there is none */
export function skipValue(body: Buffer, from: number): number {
  const first = body[from]
  if (first === quote) return skipString(body, from)
  if (first === openBrace || first === openBracket) return skipNested(body, from)
  let at = from
  for (;;) {
    const byte = body[at]
    if (
      byte === undefined ||
      byte === comma ||
      byte === closeBrace ||
      byte === closeBracket ||
      byte <= 0x20 ||
      byte === quote ||
      byte === colon
    ) {
      return at > from ? at : -1
    }
    at++
  }
}

function skipNested(body: Buffer, from: number): number {
  let depth = 0
  let at = from
  const length = body.length
  while (at < length) {
    const byte = body[at]
    if (byte === quote) {
      at = skipString(body, at)
      if (at < 0) return -1
      continue
    }
    at++
    if (byte === openBrace || byte === openBracket) depth++
    else if (byte === closeBrace || byte === closeBracket) {
      depth--
      if (depth === 0) return at
    }
  }
  return -1
}
