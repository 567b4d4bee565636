/** Values of one key that are remembered; when there are more, all are forgotten. */
const mostKept = 256
/** Longer texts are written anew each time. */
const longestKept = 128

/**
 * Members of one key, `,"key":value`, for values that come again and again: strings that are joined from few pieces
 * are written several times as fast as from many.
 */
export class LineMembers<Value extends string | number> {
  readonly #start: string
  readonly #kept = new Map<Value, string>()

  constructor(key: string) {
    this.#start = `,"${key}":`
  }

  /** @returns '' for undefined */
  of(value: Value | undefined): string {
    return value === undefined ? '' : (this.#kept.get(value) ?? this.#make(value))
  }

  #make(value: Value): string {
    const member = `${this.#start}${JSON.stringify(value)}`
    if (typeof value === 'string' && value.length > longestKept) return member
    if (this.#kept.size >= mostKept) this.#kept.clear()
    // In one piece: joined anew it would be taken apart with each line.
    const whole = Buffer.from(member).toString()
    this.#kept.set(value, whole)
    return whole
  }
}

const hundredths = Array.from({ length: 100 }, (_, part) => String(part / 100).slice(1))
/** Up to here the whole part is a small integer, whose text the engine makes quickly. */
const mostHundredths = 2 ** 30

/** A number with two decimals at most, as JSON has it. */
export function roundedText(value: number): string {
  const rounded = Math.round(value * 100)
  if (!(rounded >= 0 && rounded < mostHundredths)) return JSON.stringify(rounded / 100)
  const part = rounded % 100
  return `${(rounded - part) / 100}${hundredths[part] ?? ''}`
}
