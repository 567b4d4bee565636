import { closeBrace, closeBracket, comma, openBrace, openBracket, quote, skipString } from './json-bytes.ts'

const zero = 0x30
const nine = 0x39
/** An integer with fewer digits fits a number. */
const minLongDigits = 16

/** What a JSON text contains, found without parsing it. */
export interface JsonScan {
  /** Undefined if the text is neither too deep nor has too many values. */
  readonly excess: 'depth' | 'values' | undefined
  /** Whether a number may have more digits than `JSON.parse` keeps. */
  readonly hasLongNumbers: boolean
}

/** Sees the strings of a text that is scanned, keys among them. */
export interface StringVisitor {
  /** An object or a list begins. @returns offset after it to pass over it, and over what follows; 0 to look inside */
  open(depth: number, start: number): number
  /** @param end after the closing quote */
  string(depth: number, start: number, end: number): void
}

/**
 * Checks whether a JSON text is too deep or has too many values: two bytes of text can cost a parser a hundred bytes of
 * heap, and serializing deep values overflows the stack.
 * @param maxDepth nesting levels of objects and arrays
 * @param maxValues members and items in total
 */
export function scanJson(
  body: Buffer,
  maxDepth: number,
  maxValues: number = Number.POSITIVE_INFINITY,
  visitor?: StringVisitor,
): JsonScan {
  let depth = 0
  let values = 0
  let digits = 0
  let hasLongNumbers = false
  for (let at = 0; at < body.length; at++) {
    const byte = body[at] ?? 0
    if (byte >= zero && byte <= nine) {
      if (++digits >= minLongDigits) hasLongNumbers = true
      continue
    }
    digits = 0
    if (byte === quote) {
      const end = skipString(body, at)
      // An unterminated string is not JSON.
      if (end < 0) break
      visitor?.string(depth, at, end)
      at = end - 1
    } else if (byte === openBrace || byte === openBracket) {
      if (++depth > maxDepth) return { excess: 'depth', hasLongNumbers }
      if (++values > maxValues) return { excess: 'values', hasLongNumbers }
      const end = visitor?.open(depth, at) ?? 0
      if (end > 0) {
        depth--
        at = end - 1
      }
    } else if (byte === closeBrace || byte === closeBracket) {
      depth--
    } else if (byte === comma && ++values > maxValues) return { excess: 'values', hasLongNumbers }
  }
  return { excess: undefined, hasLongNumbers }
}

/** Whether objects and arrays nest deeper than `maxDepth`. */
export function isDeeper(body: Buffer, maxDepth: number): boolean {
  return scanJson(body, maxDepth).excess === 'depth'
}
