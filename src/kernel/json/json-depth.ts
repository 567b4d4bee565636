import { closeBrace, closeBracket, comma, openBrace, openBracket, quote, skipString } from './json-bytes.ts'

/**
 * Checks without parsing whether a JSON text is too deep or has too many values: two bytes of text can cost a parser a
 * hundred bytes of heap, and serializing deep values overflows the stack.
 * @param maxDepth nesting levels of objects and arrays
 * @param maxValues members and items in total
 */
export function excessIn(
  body: Buffer,
  maxDepth: number,
  maxValues: number = Number.POSITIVE_INFINITY,
): 'depth' | 'values' | undefined {
  let depth = 0
  let values = 0
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]
    if (byte === quote) {
      at = skipString(body, at) - 1
      // An unterminated string is not JSON.
      if (at < 0) return undefined
    } else if (byte === openBrace || byte === openBracket) {
      if (++depth > maxDepth) return 'depth'
      if (++values > maxValues) return 'values'
    } else if (byte === closeBrace || byte === closeBracket) {
      depth--
    } else if (byte === comma && ++values > maxValues) return 'values'
  }
  return undefined
}

/** Whether objects and arrays nest deeper than `maxDepth`. */
export function isDeeper(body: Buffer, maxDepth: number): boolean {
  return excessIn(body, maxDepth) === 'depth'
}
