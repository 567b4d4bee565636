import type { Combination } from './expression.ts'

/** Several values of one signal, as one. */
export class Combined {
  readonly #combination: Combination
  #count = 0
  #value = 0

  constructor(combination: Combination) {
    this.#combination = combination
  }

  /** Takes a value into account; one that is not a number leaves the signal unknown only if it is the only one. */
  add(value: number): void {
    if (!Number.isFinite(value)) return
    this.#count++
    if (this.#combination === 'max') this.#value = this.#count === 1 ? value : Math.max(this.#value, value)
    else if (this.#combination === 'min')
      this.#value = this.#count === 1 ? value : Math.min(this.#value, value)
    else this.#value += value
  }

  /** @returns NaN without a value */
  get result(): number {
    if (this.#combination === 'count') return this.#count
    if (this.#count === 0) return Number.NaN
    return this.#combination === 'mean' ? this.#value / this.#count : this.#value
  }
}
