import { withoutKeys } from '../../kernel/names/key-like.ts'

/** Maximum cached values of one key; when exceeded, the cache is cleared. */
const maxCached = 256
/** Longer texts are not cached. */
const maxCachedLength = 128

const noBytes: Uint8Array = new Uint8Array()

/** Caches members of one key, `,"key":value`, in UTF-8, for recurring values. */
export class LineMembers<Value extends string | number> {
  readonly #start: string
  readonly #kept = new Map<Value, Uint8Array>()

  constructor(key: string) {
    this.#start = `,"${key}":`
  }

  /** @returns no bytes for undefined */
  of(value: Value | undefined): Uint8Array {
    return value === undefined ? noBytes : (this.#kept.get(value) ?? this.#make(value))
  }

  #make(value: Value): Uint8Array {
    const shown = typeof value === 'string' ? withoutKeys(value) : value
    const member = Buffer.from(`${this.#start}${JSON.stringify(shown)}`)
    if (typeof value === 'string' && value.length > maxCachedLength) return member
    if (this.#kept.size >= maxCached) this.#kept.clear()
    this.#kept.set(value, member)
    return member
  }
}

const hundredths = Array.from({ length: 100 }, (_, part) => String(part / 100).slice(1))
/** Up to this value the engine formats the integer part quickly. */
const maxHundredths = 2 ** 30

/** Formats a number as JSON with at most two decimals. */
export function roundedText(value: number): string {
  const rounded = Math.round(value * 100)
  if (!(rounded >= 0 && rounded < maxHundredths)) return JSON.stringify(rounded / 100)
  const part = rounded % 100
  return `${(rounded - part) / 100}${hundredths[part] ?? ''}`
}
