import {
  closeBrace,
  closeBracket,
  comma,
  openBrace,
  openBracket,
  quote,
  skipSpace,
  skipString,
  skipValue,
} from './json-bytes.ts'

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

/** Passes the strings of a text that is scanned, keys among them. */
export interface StringVisitor {
  /** An object or a list begins. @returns offset after it to pass over it, and over what follows; 0 to look inside */
  open(depth: number, start: number): number
  /** A string begins. @returns offset after it; -1 if it does not end */
  string(depth: number, start: number): number
}

/**
 * Checks whether JSON values are too deep or too many: two bytes of text can cost a parser a hundred bytes of heap, and
 * serializing deep values overflows the stack.
 */
export class JsonScanner implements JsonScan {
  excess: JsonScan['excess']
  hasLongNumbers = false
  readonly #body: Buffer
  readonly #maxDepth: number
  readonly #maxValues: number
  readonly #visitor: StringVisitor | undefined
  #values = 0

  /**
   * @param maxDepth nesting levels of objects and arrays
   * @param maxValues members and items in total
   */
  constructor(body: Buffer, maxDepth: number, maxValues: number, visitor: StringVisitor | undefined) {
    this.#body = body
    this.#maxDepth = maxDepth
    this.#maxValues = maxValues
    this.#visitor = visitor
  }

  /** Passes a member of the object at the top. @returns offset after it; -1 if it does not end or is too much */
  member(keyStart: number, start: number): number {
    this.#visitor?.string(1, keyStart)
    if (++this.#values > this.#maxValues) return this.#exceeds('values')
    return this.pass(start, 1)
  }

  /**
   * @param from first byte of a value
   * @param outer number of objects and lists around it
   * @returns offset after it; -1 if it does not end or is too much
   */
  pass(from: number, outer: number): number {
    const first = this.#body[from]
    if (first === openBrace || first === openBracket) return this.#nested(from, outer)
    if (first === quote) return this.#visitor?.string(outer, from) ?? skipString(this.#body, from)
    const end = skipValue(this.#body, from)
    if (end - from >= minLongDigits) this.hasLongNumbers = true
    return end
  }

  #nested(from: number, outer: number): number {
    const body = this.#body
    const visitor = this.#visitor
    const maxDepth = this.#maxDepth
    const maxValues = this.#maxValues
    let values = this.#values
    let depth = outer
    let digits = 0
    for (let at = from; at < body.length; at++) {
      const byte = body[at] ?? 0
      if (byte >= zero && byte <= nine) {
        if (++digits >= minLongDigits) this.hasLongNumbers = true
        continue
      }
      digits = 0
      if (byte === quote) {
        const end = visitor === undefined ? skipString(body, at) : visitor.string(depth, at)
        if (end < 0) return -1
        at = end - 1
      } else if (byte === openBrace || byte === openBracket) {
        if (++depth > maxDepth) return this.#exceeds('depth')
        if (++values > maxValues) return this.#exceeds('values')
        const end = visitor?.open(depth, at) ?? 0
        if (end > 0) {
          depth--
          at = end - 1
        }
      } else if (byte === closeBrace || byte === closeBracket) {
        if (--depth === outer) {
          this.#values = values
          return at + 1
        }
      } else if (byte === comma && ++values > maxValues) return this.#exceeds('values')
    }
    return -1
  }

  #exceeds(excess: NonNullable<JsonScan['excess']>): number {
    this.excess = excess
    return -1
  }
}

/**
 * Scans the first value of a text.
 * @param maxDepth nesting levels of objects and arrays
 * @param maxValues members and items in total
 */
export function scanJson(
  body: Buffer,
  maxDepth: number,
  maxValues: number = Number.POSITIVE_INFINITY,
  visitor?: StringVisitor,
): JsonScan {
  const scanner = new JsonScanner(body, maxDepth, maxValues, visitor)
  scanner.pass(skipSpace(body, 0), 0)
  return scanner
}

/** Whether objects and arrays nest deeper than `maxDepth`. */
export function isDeeper(body: Buffer, maxDepth: number): boolean {
  return scanJson(body, maxDepth).excess === 'depth'
}
