import type { LimitAmount } from '../contract/limits.ts'

/** Amounts that the server has not reserved, added up by limit. */
export class LateAmounts {
  readonly #max: number
  readonly #byKey = new Map<string, LimitAmount>()

  /** @param max number of limits; amounts of further ones are not kept */
  constructor(max: number) {
    this.#max = max
  }

  add(amount: LimitAmount): void {
    if (amount.amount === 0) return
    const { key } = amount.of
    const known = this.#byKey.get(key)
    if (known === undefined && this.#byKey.size >= this.#max) return
    this.#byKey.set(key, { ...amount, amount: amount.amount + (known?.amount ?? 0) })
  }

  /** Takes those of at most so many limits. */
  take(count: number): LimitAmount[] {
    const taken = [...this.#byKey.values()].slice(0, count)
    for (const { of } of taken) this.#byKey.delete(of.key)
    return taken
  }
}
