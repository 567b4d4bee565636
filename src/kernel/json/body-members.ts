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

/** Passes the members of an object, for a reader that needs to see what is in them. */
export interface MemberSkipper {
  /** @returns offset after the value that begins at `start`; -1 if it does not end */
  member(keyStart: number, start: number): number
}

/** Iterates over the members of a JSON object without validating the values it skips. */
export class BodyMembers {
  /** Key of the current member, including its quotes. */
  keyStart = 0
  keyEnd = 0
  /** Value of the current member. */
  start = 0
  end = 0
  /** Whether the iteration reached the end of the object and nothing follows it. */
  isWhole = false
  readonly #body: Buffer
  readonly #skipper: MemberSkipper | undefined
  #at: number

  /**
   * @param start where the object starts; by default it is the whole body
   * @param skipper passes the values; by default nothing looks at them
   */
  constructor(body: Buffer, start = 0, skipper?: MemberSkipper) {
    this.#body = body
    this.#skipper = skipper
    this.#at = skipSpace(body, start)
  }

  /** @returns false at the end of the object or if the bytes cannot be an object */
  next(): boolean {
    return this.nextKey() && this.passValue()
  }

  /**
   * Moves to the next key and the start of its value; `passValue` then skips the value.
   * @returns as `next` does
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

  /** Skips the value. @returns false if the value does not end */
  passValue(): boolean {
    const at =
      this.#skipper === undefined
        ? skipValue(this.#body, this.start)
        : this.#skipper.member(this.keyStart, this.start)
    if (at < 0) return false
    this.end = at
    this.#at = skipSpace(this.#body, at)
    return true
  }

  /** Looks the current key up in `names`. */
  find<T>(names: KeyNames<T>): T | undefined {
    return names.of(this.#body, this.keyStart, this.keyEnd)
  }

  #finish(at: number): false {
    this.isWhole = skipSpace(this.#body, at + 1) === this.#body.length
    return false
  }
}

/**
 * Finds the values of some top-level keys. The last occurrence of a repeated key counts.
 * @param names the keys, each with its index in the result
 * @returns undefined if the bytes cannot be a JSON object
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
