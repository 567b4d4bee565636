import {
  closeBrace,
  colon,
  comma,
  type JsonSpan,
  openBrace,
  quote,
  skipSpace,
  skipString,
  skipValue,
} from './json-bytes.ts'
import type { KeyNames } from './key-names.ts'

/** Walks the members of the object that a JSON body is; what it passes is not checked. */
export class BodyMembers {
  /** Of the current member, quotes included. */
  keyStart = 0
  keyEnd = 0
  /** Of the current member's value. */
  start = 0
  end = 0
  /** Whether the walk has come to the end of an object with nothing behind it. */
  isWhole = false
  readonly #body: Buffer
  #at: number

  constructor(body: Buffer) {
    this.#body = body
    this.#at = skipSpace(body, 0)
  }

  /** @returns false at the end, and where the bytes cannot be an object */
  next(): boolean {
    return this.nextKey() && this.passValue()
  }

  /**
   * Goes to a member's key and the beginning of its value, which may have to be passed with `passValue`.
   * @returns like `next`
   */
  nextKey(): boolean {
    const body = this.#body
    const isFirst = this.end === 0
    let at = this.#at
    if (body[at] === closeBrace && !isFirst) return this.#finish(at)
    if (body[at] !== (isFirst ? openBrace : comma)) return false
    at = skipSpace(body, at + 1)
    if (isFirst && body[at] === closeBrace) return this.#finish(at)
    if (body[at] !== quote) return false
    this.keyStart = at
    at = skipString(body, at)
    if (at < 0) return false
    this.keyEnd = at
    at = skipSpace(body, at)
    if (body[at] !== colon) return false
    this.start = skipSpace(body, at + 1)
    return true
  }

  /** @returns false where the value does not end */
  passValue(): boolean {
    const at = skipValue(this.#body, this.start)
    if (at < 0) return false
    this.end = at
    this.#at = skipSpace(this.#body, at)
    return true
  }

  /** What `names` has for the current key. */
  find<T>(names: KeyNames<T>): T | undefined {
    return names.of(this.#body, this.keyStart, this.keyEnd)
  }

  #finish(at: number): false {
    this.isWhole = skipSpace(this.#body, at + 1) === this.#body.length
    return false
  }
}

/**
 * Where the values of some top-level keys stand. Of a repeated key the last one counts.
 * @param names the keys that are looked for, and the place of each in the answer
 * @returns undefined where the bytes cannot be a JSON object
 */
export function memberSpans(body: Buffer, names: KeyNames<number>): (JsonSpan | undefined)[] | undefined {
  const members = new BodyMembers(body)
  const spans: (JsonSpan | undefined)[] = []
  while (members.next()) {
    const place = members.find(names)
    if (place !== undefined) spans[place] = { start: members.start, end: members.end }
  }
  return members.isWhole ? spans : undefined
}
