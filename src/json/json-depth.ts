import { closeBrace, closeBracket, openBrace, openBracket, quote, skipString } from './json-bytes.ts'

/**
 * Whether objects and lists stand in each other more than so many levels deep, found without parsing: a value of
 * each level costs a parser far more memory than its two bytes, and writing deep values overflows the stack.
 */
export function isDeeper(body: Buffer, maxDepth: number): boolean {
  let depth = 0
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]
    if (byte === quote) {
      at = skipString(body, at) - 1
      // A string that does not end is no JSON.
      if (at < 0) return false
    } else if (byte === openBrace || byte === openBracket) {
      if (++depth > maxDepth) return true
    } else if (byte === closeBrace || byte === closeBracket) depth--
  }
  return false
}
