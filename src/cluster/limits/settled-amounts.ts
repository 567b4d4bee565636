import type { Difference } from './limit-batch.ts'

/** Differences between what requests have reserved and used, added up by limit and bucket. */
export class SettledAmounts {
  readonly #max: number
  readonly #byKey = new Map<string, { bucket: number; amount: number }[]>()
  #size = 0

  /** @param max number of limits and buckets; differences of further ones are not kept */
  constructor(max: number) {
    this.#max = max
  }

  add(key: string, bucket: number, amount: number): void {
    if (amount === 0) return
    const buckets = this.#byKey.get(key)
    if (buckets !== undefined) {
      for (const each of buckets) {
        if (each.bucket !== bucket) continue
        each.amount += amount
        return
      }
    }
    if (this.#size >= this.#max) return
    this.#size++
    if (buckets === undefined) this.#byKey.set(key, [{ bucket, amount }])
    else buckets.push({ bucket, amount })
  }

  /** Takes about so many of them: all of a limit, or none. */
  take(count: number): Difference[] {
    const taken: Difference[] = []
    for (const [key, buckets] of this.#byKey) {
      if (taken.length >= count) break
      this.#byKey.delete(key)
      this.#size -= buckets.length
      for (const { bucket, amount } of buckets) if (amount !== 0) taken.push({ key, bucket, amount })
    }
    return taken
  }
}
