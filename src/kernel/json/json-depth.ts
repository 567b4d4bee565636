import { closeBrace, closeBracket, comma, openBrace, openBracket, quote, skipString } from './json-bytes.ts'

/**
 * What a JSON text has too much of to be parsed, found without parsing it: a value of each level or list costs a parser
 * far more memory than its two bytes, and writing deep values overflows the stack.
 * @param maxDepth levels of objects and lists in each other
 * @param maxValues members and items of all of them together
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
      // A string that does not end is no JSON.
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

/** Whether objects and lists stand in each other more than so many levels deep. */
export function isDeeper(body: Buffer, maxDepth: number): boolean {
  return excessIn(body, maxDepth) === 'depth'
}
