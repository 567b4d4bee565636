import type { UsageName, UsagePlan } from '../../endpoints/profiles/usage-fields.ts'
import { backslash, colon, openBrace, quote, skipSpace, skipValue } from '../../kernel/json/json-bytes.ts'

const minus = 0x2d
const zero = 0x30
const nine = 0x39
/** A usage object with all its details is far smaller. */
const maxValueBytes = 16_384
/** Number of values of one key that are parsed, from the end, until one is whole. */
const maxTries = 4

/**
 * Collects the numbers that answers report about themselves. Only the values with these numbers are parsed; the last
 * occurrence of a number counts.
 */
export class UsageReader {
  readonly #plan: UsagePlan
  readonly #values: (number | undefined)[] = []

  constructor(plan: UsagePlan) {
    this.#plan = plan
  }

  /** Reads an event, or the end of an answer. */
  read(bytes: Buffer): void {
    for (const { mark, leaves } of this.#plan.roots) {
      const value = lastValue(bytes, mark)
      if (value === undefined) continue
      for (const { index, below } of leaves) {
        const number = numberBelow(value, below)
        // Running totals may end with a zero, which must not replace a reported number.
        if (number !== undefined && (number > 0 || this.#values[index] === undefined))
          this.#values[index] = number
      }
    }
  }

  get(name: UsageName): number | undefined {
    for (const { parts, scale } of this.#plan.fields[name]) {
      const sum = this.#sum(parts)
      if (sum !== undefined) return sum * scale
    }
    return undefined
  }

  /** @returns undefined if every part is missing */
  #sum(parts: readonly number[]): number | undefined {
    let sum: number | undefined
    for (const part of parts) {
      const value = this.#values[part]
      if (value !== undefined) sum = (sum ?? 0) + value
    }
    return sum
  }
}

/**
 * The last value of a key that is an object or a number. Quotes inside strings are escaped, so quoted keys do not
 * match, and `"usage":null` is skipped.
 */
function lastValue(bytes: Buffer, mark: Buffer): unknown {
  let before = bytes.length
  for (let tries = 0; tries < maxTries; tries++) {
    const start = lastStart(bytes, mark, before)
    if (start < 0) return undefined
    const value = parsedValue(bytes, start)
    if (value !== undefined) return value
    before = start
  }
  return undefined
}

/**
 * Offset of the last such value before `before`, or -1. Searches forward: `lastIndexOf` needs 5 times as long in an
 * answer of 600 bytes and 20 times in one of 8 KB.
 */
function lastStart(bytes: Buffer, mark: Buffer, before: number): number {
  let last = -1
  let key = bytes.indexOf(mark)
  while (key >= 0 && key < before) {
    const start = valueStart(bytes, key, key + mark.length)
    if (start >= 0 && start < before) last = start
    key = bytes.indexOf(mark, key + mark.length)
  }
  return last
}

/** Offset of the key's value if it is an object or a number; -1 if not, or if these bytes are not a key. */
function valueStart(bytes: Buffer, key: number, afterKey: number): number {
  if (bytes[key - 1] !== quote || bytes[key - 2] === backslash) return -1
  const at = skipSpace(bytes, afterKey)
  if (bytes[at] !== colon) return -1
  const start = skipSpace(bytes, at + 1)
  const first = bytes[start] ?? 0
  return first === openBrace || first === minus || (first >= zero && first <= nine) ? start : -1
}

function parsedValue(bytes: Buffer, start: number): unknown {
  const end = skipValue(bytes, start)
  if (end < 0 || end - start > maxValueBytes) return undefined
  try {
    return JSON.parse(bytes.toString('utf8', start, end))
  } catch {
    return undefined
  }
}

function numberBelow(value: unknown, below: readonly string[]): number | undefined {
  let at = value
  for (const name of below) {
    if (!isObject(at) || !Object.hasOwn(at, name)) return undefined
    at = at[name]
  }
  return typeof at === 'number' && at >= 0 && Number.isFinite(at) ? at : undefined
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
