import type { CountedLimit } from '../contract/limits.ts'

/** When the server reported amounts. */
export interface Sight {
  /** Number of the call that it answered. */
  readonly call: number
  /** The server's time in microseconds. */
  readonly atUs: number
}

interface KnownAmount {
  readonly bucket: number
  amount: number
  seen: Sight
}

interface KnownLimit {
  of: CountedLimit
  /** The newest last. */
  readonly amounts: KnownAmount[]
}

/** One amount, for a server that may have lost it. */
export interface LastAmount {
  readonly of: CountedLimit
  readonly bucket: number
  readonly amount: number
  readonly atUs: number
}

/** Limits after which those whose amounts no longer count are dropped for the first time. */
const firstSweep = 1_000
/** Minimum time between two sweeps, by the server's clock. */
const minSweepUs = 1_000_000

/** What this replica saw last of the amounts of limits, in case the server loses them. */
export class KnownAmounts {
  readonly #max: number
  readonly #limits = new Map<string, KnownLimit>()
  #sweepAt = firstSweep
  #sweptAtUs = 0

  /** @param max number of limits; amounts of further ones are not kept */
  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#limits.size
  }

  /** The server has reported what a bucket of a limit holds. */
  saw(of: CountedLimit, bucket: number, amount: number, seen: Sight): void {
    const known = this.#limits.get(of.key)
    if (known === undefined) {
      if (this.#limits.size >= this.#sweepAt && seen.atUs - this.#sweptAtUs > minSweepUs)
        this.#sweep(seen.atUs)
      if (this.#limits.size < this.#max) this.#limits.set(of.key, { of, amounts: [{ bucket, amount, seen }] })
      return
    }
    const { amounts } = known
    known.of = of
    const last = amounts.at(-1)
    if (last !== undefined && last.bucket >= bucket) {
      this.changed(of.key, bucket, amount, seen)
      return
    }
    amounts.push({ bucket, amount, seen })
    while (amounts[0] !== undefined && amounts[0].bucket < bucket - of.span) amounts.shift()
  }

  /** The same for a limit and bucket that it has reported before; others are ignored. */
  changed(key: string, bucket: number, amount: number, seen: Sight): void {
    const amounts = this.#limits.get(key)?.amounts
    if (amounts === undefined) return
    for (let at = amounts.length - 1; at >= 0; at--) {
      const known = amounts[at]
      if (known?.bucket !== bucket) continue
      known.amount = amount
      known.seen = seen
      return
    }
  }

  /** What later calls than this one have reported. */
  after(call: number): LastAmount[] {
    return [...this.#limits.values()].flatMap(({ of, amounts }) =>
      amounts
        .filter(({ seen }) => seen.call > call)
        .map(({ bucket, amount, seen }) => ({ of, bucket, amount, atUs: seen.atUs })),
    )
  }

  /** Drops limits that have not been used for as long as their amounts count. */
  #sweep(nowUs: number): void {
    for (const [key, { of, amounts }] of this.#limits)
      if ((amounts.at(-1)?.seen.atUs ?? 0) + of.ttlMs * 1_000 < nowUs) this.#limits.delete(key)
    this.#sweepAt = Math.max(firstSweep, Math.min(this.#max, 2 * this.#limits.size))
    this.#sweptAtUs = nowUs
  }
}
