import { crc32 } from 'node:zlib'
import {
  closeBrace,
  closeBracket,
  colon,
  comma,
  openBrace,
  openBracket,
  quote,
  skipSpace,
  skipString,
  skipValue,
} from '../../kernel/json/json-bytes.ts'

/** Deeper values are hashed as bytes, so that a body cannot overflow the stack. */
const maxDepth = 32
/** Minimum length for the native CRC; for shorter texts the call costs more than a loop. */
const nativeFromBytes = 160
/** Where the first block of a text ends, by how much each following one is longer, and how many there are at most. */
const firstBlockBytes = 1_024
export const blockGrowth = 1.25
const maxBlocks = 32

/** Distinguish values of different types with the same bytes. */
const stringTag = 0x51ed270b
const scalarTag = 0x2127599b
const arrayTag = 0x6c8e9cf5
const objectTag = 0x1b873593

/** Cache hint for providers; agents move it from turn to turn while the text stays the same. */
const cacheControl = Buffer.from('"cache_control"')
const billingLine = Buffer.from('x-anthropic-billing-header:')
const isPair = /^\s*[\w.-]+=[^\s"\\]*$/
const maxPairLength = 128
const contentKey = Buffer.from('"content"')
const textMember = Buffer.from('{"type":"text"}')
const textKey = Buffer.from('"text"')

/** Hashes of the beginnings of texts, each of which covers everything before it. */
export interface TextBlocks {
  readonly keys: number[]
  /** Offset in the body where each ends. */
  readonly ends: number[]
}

/**
 * Hashes JSON bytes so that equal values get equal hashes, independent of white space, member order, `cache_control`,
 * Claude Code's billing line, and whether `content` is a text or a list with one text block. Uses two 32-bit lanes;
 * long texts contribute their CRC and length. An escape differs from the character it encodes, and `1` from `1.0`: a
 * client serializes a value the same way each time. Not for secrets: collisions are easy to construct.
 */
export class ContentHash {
  #a = 0
  #b = 0
  /** Hash of the last value. */
  #valueA = 0
  #valueB = 0
  /** Hashes of the member `"type":"text"` and the key `"text"`. */
  readonly #textMemberA: number
  readonly #textMemberB: number
  readonly #textKeyA: number
  readonly #textKeyB: number
  #blocks: TextBlocks | undefined
  /** Hash of all that was added since `collect`. */
  #coveredA = 0
  #coveredB = 0
  /** Bytes of long texts since then, and where the next block ends. */
  #textBytes = 0
  #nextBytes = 0

  constructor() {
    this.#string(textKey, 0, textKey.length)
    this.#textKeyA = this.#valueA
    this.#textKeyB = this.#valueB
    this.#members(textMember, 0, 0)
    this.#textMemberA = this.#valueA
    this.#textMemberB = this.#valueB
  }

  /** Resets the hash. */
  restart(): this {
    this.#a = 0
    this.#b = 0
    this.#blocks = undefined
    return this
  }

  /** From now on also adds the blocks of long texts to `blocks`; undefined ends it. The order of members matters to them. */
  collect(blocks: TextBlocks | undefined): void {
    this.#blocks = blocks
    this.#coveredA = this.#a
    this.#coveredB = this.#b
    this.#textBytes = 0
    this.#nextBytes = firstBlockBytes
  }

  /** Adds a text of the gateway: the type of the key, a model name. */
  text(text: string): this {
    let a = stringTag
    let b = text.length
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      a = Math.imul(a ^ code, 0x01000193)
      b = Math.imul(b + code, 0x85ebca6b) ^ (b >>> 15)
    }
    return this.numbers(a, b)
  }

  /** Adds two 32-bit numbers. */
  numbers(a: number, b: number): this {
    this.#mix(this.#a, this.#b, a, b)
    this.#a = this.#valueA
    this.#b = this.#valueB
    return this
  }

  /** Adds raw bytes. */
  bytes(body: Buffer, start: number, end: number): this {
    this.#raw(body, start, end, scalarTag)
    return this.numbers(this.#valueA, this.#valueB)
  }

  /**
   * Adds one JSON value.
   * @returns the offset after it; -1 if there is none
   */
  json(body: Buffer, at: number): number {
    const end = this.#value(body, at, 0)
    if (end >= 0) this.numbers(this.#valueA, this.#valueB)
    return end
  }

  /** The hash since the restart, as a safe integer of 53 bits. */
  key(): number {
    return keyOf(this.#a, this.#b)
  }

  #value(body: Buffer, at: number, depth: number): number {
    const first = body[at]
    if (first === quote) {
      const end = skipString(body, at)
      if (end >= 0) this.#string(body, at, end)
      return end
    }
    if (depth < maxDepth && first === openBrace) return this.#object(body, at, depth)
    if (depth < maxDepth && first === openBracket) return this.#array(body, at, depth)
    const end = skipValue(body, at)
    if (end >= 0) this.#raw(body, at, end, scalarTag)
    return end
  }

  #array(body: Buffer, from: number, depth: number): number {
    let a = arrayTag
    let b = 0
    let at = skipSpace(body, from + 1)
    while (body[at] !== closeBracket) {
      at = this.#value(body, at, depth + 1)
      if (at < 0) return -1
      this.#mix(a, b, this.#valueA, this.#valueB)
      a = this.#valueA
      b = this.#valueB
      at = skipSpace(body, at)
      if (body[at] === comma) at = skipSpace(body, at + 1)
      else if (body[at] !== closeBracket) return -1
    }
    this.#valueA = a
    this.#valueB = b
    return at + 1
  }

  #object(body: Buffer, from: number, depth: number): number {
    const end = this.#members(body, from, depth)
    if (end >= 0) this.#mix(objectTag, 0, this.#valueA, this.#valueB)
    return end
  }

  /** Sums over the members of an object, so that their order does not matter. */
  #members(body: Buffer, from: number, depth: number): number {
    let a = 0
    let b = 0
    let at = skipSpace(body, from + 1)
    while (body[at] !== closeBrace) {
      const keyStart = at
      if (body[at] !== quote) return -1
      at = skipString(body, at)
      if (at < 0) return -1
      const keyEnd = at
      at = skipSpace(body, at)
      if (body[at] !== colon) return -1
      at = skipSpace(body, at + 1)
      if (isKey(body, keyStart, keyEnd, cacheControl)) {
        at = skipValue(body, at)
        if (at < 0) return -1
      } else {
        const isContent = body[at] === quote && isKey(body, keyStart, keyEnd, contentKey)
        at = isContent ? this.#contentText(body, at) : this.#value(body, at, depth + 1)
        if (at < 0) return -1
        const valueA = this.#valueA
        const valueB = this.#valueB
        this.#string(body, keyStart, keyEnd)
        this.#mix(this.#valueA, this.#valueB, valueA, valueB)
        a = (a + this.#valueA) | 0
        b = (b + this.#valueB) | 0
      }
      at = skipSpace(body, at)
      if (body[at] === comma) at = skipSpace(body, at + 1)
      else if (body[at] !== closeBrace) return -1
    }
    this.#valueA = a
    this.#valueB = b
    return at + 1
  }

  /** Hashes a text as `[{"type":"text","text":…}]`. */
  #contentText(body: Buffer, at: number): number {
    const end = skipString(body, at)
    if (end < 0) return -1
    this.#string(body, at, end)
    this.#mix(this.#textKeyA, this.#textKeyB, this.#valueA, this.#valueB)
    const a = (this.#valueA + this.#textMemberA) | 0
    const b = (this.#valueB + this.#textMemberB) | 0
    this.#mix(objectTag, 0, a, b)
    this.#mix(arrayTag, 0, this.#valueA, this.#valueB)
    return end
  }

  #string(body: Buffer, start: number, end: number): void {
    this.#raw(body, behindBillingLine(body, start + 1, end - 1), end - 1, stringTag)
  }

  #raw(body: Buffer, start: number, end: number, tag: number): void {
    const length = end - start
    if (length >= nativeFromBytes) {
      const crc =
        this.#blocks === undefined || tag !== stringTag
          ? crc32(body.subarray(start, end))
          : this.#blockwise(body, start, end, this.#blocks)
      this.#mix(tag, length, crc, length)
      if (this.#blocks !== undefined) this.#cover()
      return
    }
    let a = tag
    let b = length
    for (let at = start; at < end; at++) {
      const byte = body[at] ?? 0
      a = Math.imul(a ^ byte, 0x01000193)
      b = Math.imul(b + byte, 0x85ebca6b) ^ (b >>> 15)
    }
    this.#mix(tag, length, a, b)
    if (this.#blocks !== undefined) this.#cover()
  }

  /** Adds the last value to what blocks cover. */
  #cover(): void {
    const a = this.#valueA
    const b = this.#valueB
    this.#mix(this.#coveredA, this.#coveredB, a, b)
    this.#coveredA = this.#valueA
    this.#coveredB = this.#valueB
    this.#valueA = a
    this.#valueB = b
  }

  /** The CRC of a text, whose blocks are added on the way. */
  #blockwise(body: Buffer, start: number, end: number, { keys, ends }: TextBlocks): number {
    let crc = 0
    let at = start
    while (keys.length < maxBlocks && at + this.#nextBytes - this.#textBytes <= end) {
      const to = at + this.#nextBytes - this.#textBytes
      crc = crc32(body.subarray(at, to), crc)
      this.#mix(this.#coveredA, this.#coveredB, crc, this.#nextBytes)
      keys.push(keyOf(this.#valueA, this.#valueB))
      ends.push(to)
      at = to
      this.#textBytes = this.#nextBytes
      this.#nextBytes = Math.ceil(this.#nextBytes * blockGrowth)
    }
    this.#textBytes += end - at
    return at === end ? crc : crc32(body.subarray(at, end), crc)
  }

  #mix(a: number, b: number, withA: number, withB: number): void {
    // Different factors, so that mixing equal values does not cancel them.
    let x = (Math.imul(a, 0x85ebca6b) + Math.imul(withA, 0x9e3779b1) + withB) | 0
    x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d)
    let y = (Math.imul(b, 0xc2b2ae35) + Math.imul(withB, 0x27d4eb2f) + x) | 0
    y = Math.imul(y ^ (y >>> 13), 0x297a2d39)
    this.#valueA = (x ^ (y >>> 16)) | 0
    this.#valueB = (y ^ (x >>> 14)) | 0
  }
}

function keyOf(a: number, b: number): number {
  return (a >>> 11) * 0x1_0000_0000 + (b >>> 0)
}

/**
 * Skips the start of Claude Code's prompt: `x-anthropic-billing-header:` and pairs such as `cch=eb6c6;` that differ in
 * every request. Servers ignore them too.
 */
function behindBillingLine(body: Buffer, start: number, end: number): number {
  if (body[start] !== billingLine[0] || end - start < billingLine.length) return start
  if (body.compare(billingLine, 0, billingLine.length, start, start + billingLine.length) !== 0) return start
  let at = start + billingLine.length
  for (;;) {
    const semicolon = body.indexOf(0x3b, at)
    if (semicolon < 0 || semicolon >= end) return at
    // The text after the pairs may contain semicolons.
    if (!isPair.test(body.toString('latin1', at, Math.min(semicolon, at + maxPairLength)))) return at
    at = semicolon + 1
  }
}

function isKey(body: Buffer, start: number, end: number, key: Buffer): boolean {
  if (end - start !== key.length) return false
  for (let at = 1; at < key.length; at++) if (body[start + at] !== key[at]) return false
  return true
}
