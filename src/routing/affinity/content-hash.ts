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

/** Deeper values are hashed as bytes: a body must not decide how deep the stack goes. */
const deepest = 32
/** Texts from this length on go to the native CRC; below, the call costs more than a loop. */
const nativeFromBytes = 160

/** Keep values of different kinds apart that have the same bytes. */
const stringTag = 0x51ed270b
const scalarTag = 0x2127599b
const arrayTag = 0x6c8e9cf5
const objectTag = 0x1b873593

/** Marks what a provider should cache; agents move it from one turn to the next, the text stays. */
const cacheControl = Buffer.from('"cache_control"')
const billingLine = Buffer.from('x-anthropic-billing-header:')
const isPair = /^\s*[\w.-]+=[^\s"\\]*$/
const longestPair = 128
const contentKey = Buffer.from('"content"')
const textMember = Buffer.from('{"type":"text"}')
const textKey = Buffer.from('"text"')

/**
 * Hashes JSON as bytes so that equal values get equal hashes: however they are spaced, in whatever order the
 * members of an object stand, with or without `cache_control`, whether a `content` is a text or a list of
 * one text block, and whatever Claude Code bills. Two lanes of 32 bits are kept, of a long text its CRC and its
 * length. An escape and the character it stands for are different, and so are `1` and `1.0`: a client writes a
 * value the same way each time. Not for secrets: a text with the same hash is easily made.
 */
export class ContentHash {
  #a = 0
  #b = 0
  /** Hash of the value that was read last. */
  #valueA = 0
  #valueB = 0
  /** Of the member `"type":"text"` and of the key `"text"`. */
  readonly #textMemberA: number
  readonly #textMemberB: number
  readonly #textKeyA: number
  readonly #textKeyB: number

  constructor() {
    this.#string(textKey, 0, textKey.length)
    this.#textKeyA = this.#valueA
    this.#textKeyB = this.#valueB
    this.#members(textMember, 0, 0)
    this.#textMemberA = this.#valueA
    this.#textMemberB = this.#valueB
  }

  /** Forgets everything. */
  restart(): this {
    this.#a = 0
    this.#b = 0
    return this
  }

  /** Takes in a text of the gateway's own: what kind of key follows, a model's name. */
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

  /** Takes in two numbers of 32 bits. */
  numbers(a: number, b: number): this {
    this.#mix(this.#a, this.#b, a, b)
    this.#a = this.#valueA
    this.#b = this.#valueB
    return this
  }

  /** Takes in bytes as they are. */
  bytes(body: Buffer, start: number, end: number): this {
    this.#raw(body, start, end, scalarTag)
    return this.numbers(this.#valueA, this.#valueB)
  }

  /**
   * Takes in one JSON value.
   * @returns the offset behind it; -1 where there is none
   */
  json(body: Buffer, at: number): number {
    const end = this.#value(body, at, 0)
    if (end >= 0) this.numbers(this.#valueA, this.#valueB)
    return end
  }

  /** What has been taken in since the restart, as a safe integer of 53 bits. */
  key(): number {
    return (this.#a >>> 11) * 0x1_0000_0000 + (this.#b >>> 0)
  }

  #value(body: Buffer, at: number, depth: number): number {
    const first = body[at]
    if (first === quote) {
      const end = skipString(body, at)
      if (end >= 0) this.#string(body, at, end)
      return end
    }
    if (depth < deepest && first === openBrace) return this.#object(body, at, depth)
    if (depth < deepest && first === openBracket) return this.#array(body, at, depth)
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

  /** The sum over an object's members, which no order changes. */
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

  /** A text as if it were `[{"type":"text","text":…}]`. */
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
      this.#mix(tag, length, crc32(body.subarray(start, end)), length)
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
  }

  #mix(a: number, b: number, withA: number, withB: number): void {
    // Each with a factor of its own: what is mixed with its like must not vanish.
    let x = (Math.imul(a, 0x85ebca6b) + Math.imul(withA, 0x9e3779b1) + withB) | 0
    x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d)
    let y = (Math.imul(b, 0xc2b2ae35) + Math.imul(withB, 0x27d4eb2f) + x) | 0
    y = Math.imul(y ^ (y >>> 13), 0x297a2d39)
    this.#valueA = (x ^ (y >>> 16)) | 0
    this.#valueB = (y ^ (x >>> 14)) | 0
  }
}

/**
 * Claude Code's prompt begins with `x-anthropic-billing-header:` and pairs such as `cch=eb6c6;`, which are others
 * in every request. Servers pass over them, and so must who wants to find the conversation again.
 */
function behindBillingLine(body: Buffer, start: number, end: number): number {
  if (body[start] !== billingLine[0] || end - start < billingLine.length) return start
  if (body.compare(billingLine, 0, billingLine.length, start, start + billingLine.length) !== 0) return start
  let at = start + billingLine.length
  for (;;) {
    const semicolon = body.indexOf(0x3b, at)
    if (semicolon < 0 || semicolon >= end) return at
    // What follows the pairs may have semicolons of its own.
    if (!isPair.test(body.toString('latin1', at, Math.min(semicolon, at + longestPair)))) return at
    at = semicolon + 1
  }
}

function isKey(body: Buffer, start: number, end: number, key: Buffer): boolean {
  if (end - start !== key.length) return false
  for (let at = 1; at < key.length; at++) if (body[start + at] !== key[at]) return false
  return true
}
