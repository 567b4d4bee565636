import type { LentAmounts, LimitGroup, LimitRequest, LimitSettlement } from './limits.ts'

/**
 * What the control thread has lent this thread of a lease: requests of the group need no message as long as it lasts.
 * Ends at its time, before a request that it does not cover, and when the control thread recalls it.
 */
export class LentLimits {
  readonly group: LimitGroup
  readonly buckets: readonly number[]
  readonly #left: number[]
  readonly #untilMs: number
  #slots: number
  #isOver = false

  /** @param buckets that the server has counted the amounts in, by limit */
  constructor(group: LimitGroup, buckets: readonly number[], { amounts, slots, untilMs }: LentAmounts) {
    this.group = group
    this.buckets = buckets
    this.#left = [...amounts]
    this.#slots = slots
    this.#untilMs = untilMs
  }

  /** @returns whether it covers the request, which then has its amounts and slots */
  take({ group, amounts }: LimitRequest, nowMs: number): boolean {
    const left = this.#left
    if (group !== this.group || !this.isValid(nowMs)) return false
    const takesSlots = group.slots.length > 0
    if (takesSlots && this.#slots < 1) return false
    for (let at = 0; at < left.length; at++) if ((amounts[at] ?? 0) > (left[at] ?? 0)) return false
    for (let at = 0; at < left.length; at++) left[at] = (left[at] ?? 0) - (amounts[at] ?? 0)
    if (takesSlots) this.#slots--
    return true
  }

  /**
   * Takes the slots of a request that is over, and the differences between what it has reserved and used.
   * @param amounts by limit; what remains in them is for the control thread
   * @returns false if it does not take them
   */
  settle({ group, buckets, amounts }: SettledRequest, nowMs: number): boolean {
    const left = this.#left
    if (group !== this.group || buckets === undefined || !this.isValid(nowMs)) return false
    for (let at = 0; at < left.length; at++) if (buckets[at] !== this.buckets[at]) return false
    for (let at = 0; at < left.length; at++) {
      const rest = (left[at] ?? 0) - (amounts[at] ?? 0)
      left[at] = Math.max(0, rest)
      amounts[at] = Math.max(0, -rest)
    }
    if (group.slots.length > 0) this.#slots++
    return true
  }

  isValid(nowMs: number): boolean {
    return !this.#isOver && nowMs < this.#untilMs
  }

  /** @returns what is left of it; undefined if it has ended before */
  end(): LimitSettlement | undefined {
    if (this.#isOver) return undefined
    this.#isOver = true
    const { group, buckets } = this
    return { group, buckets, amounts: this.#left.map((each) => -each), slots: this.#slots }
  }
}

interface SettledRequest {
  readonly group: LimitGroup
  readonly buckets: readonly number[] | undefined
  readonly amounts: number[]
}
