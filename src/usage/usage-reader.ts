import { skipSpace, skipValue } from '../json/json-bytes.ts'
import type { UsageName, UsagePlan } from './usage-fields.ts'

const colon = 0x3a
const quote = 0x22
const backslash = 0x5c
/** A usage object with all its details is far smaller. */
const maxValueBytes = 16_384
/** Keys of one name that are looked at, from the end: chunks that have no numbers yet say `"usage":null`. */
const maxTries = 4

/**
 * Collects the numbers that answers tell of themselves. Only the values that hold them are parsed; of a number
 * that comes several times the last one counts.
 */
export class UsageReader {
  readonly #plan: UsagePlan
  readonly #values: (number | undefined)[] = []

  constructor(plan: UsagePlan) {
    this.#plan = plan
  }

  /** Reads what stands in these bytes: an event, or the end of an answer. */
  read(bytes: Buffer): void {
    for (const { mark, leaves } of this.#plan.roots) {
      const value = lastValue(bytes, mark)
      if (value === undefined) continue
      for (const { index, below } of leaves) {
        const number = numberBelow(value, below)
        if (number !== undefined) this.#values[index] = number
      }
    }
  }

  get(name: UsageName): number | undefined {
    for (const field of this.#plan.fields) {
      if (field.name !== name) continue
      for (const parts of field.alternatives) {
        const sum = this.#sum(parts)
        if (sum !== undefined) return sum * field.scale
      }
    }
    return undefined
  }

  /** @returns undefined where no part is there */
  #sum(parts: readonly number[]): number | undefined {
    let sum: number | undefined
    for (const part of parts) {
      const value = this.#values[part]
      if (value !== undefined) sum = (sum ?? 0) + value
    }
    return sum
  }
}

/** The last value of a key that is an object or a number. Text that quotes the key escapes its quotes. */
function lastValue(bytes: Buffer, mark: Buffer): unknown {
  let from = bytes.length
  for (let tries = 0; tries < maxTries && from > 0; tries++) {
    const key = bytes.lastIndexOf(mark, from - 1)
    if (key < 0) return undefined
    from = key
    if (bytes[key - 1] !== quote || bytes[key - 2] === backslash) continue
    const value = parsedValue(bytes, key + mark.length)
    if (typeof value === 'number' || (typeof value === 'object' && value !== null)) return value
  }
  return undefined
}

function parsedValue(bytes: Buffer, afterKey: number): unknown {
  let start = skipSpace(bytes, afterKey)
  if (bytes[start] !== colon) return undefined
  start = skipSpace(bytes, start + 1)
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
    if (typeof at !== 'object' || at === null) return undefined
    at = Object.getOwnPropertyDescriptor(at, name)?.value
  }
  return typeof at === 'number' && at >= 0 && Number.isFinite(at) ? at : undefined
}
