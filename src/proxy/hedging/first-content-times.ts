import { type HistogramTable, quantilesOf } from '../../kernel/cells/histogram-table.ts'

/** After this number of values of a model on one thread, earlier ones count half. */
const windowCount = 500
/** Number of new values after which the percentile is read again. */
const refreshCount = 32

/** Learns how long each model takes from sending a request to the first content of its answer. */
export class FirstContentTimes {
  readonly #times: HistogramTable
  readonly #recorded: Uint32Array
  /** The last percentile read; NaN before the first. */
  readonly #p95Ms: Float64Array

  /** @param times one row for each model; the last one, which unknown models share, is not used */
  constructor(times: HistogramTable) {
    this.#times = times
    this.#recorded = new Uint32Array(times.rows)
    this.#p95Ms = new Float64Array(times.rows).fill(Number.NaN)
  }

  record(row: number, timeMs: number): void {
    this.#times.record(row, timeMs)
    const recorded = (this.#recorded[row] ?? 0) + 1
    this.#recorded[row] = recorded
    if (recorded % refreshCount === 0) this.#p95Ms[row] = Number.NaN
    if (recorded % windowCount === 0) this.#times.halve(row)
  }

  /** Reads percentiles again, because another number of values may be required. */
  forgetPercentiles(): void {
    this.#p95Ms.fill(Number.NaN)
  }

  /** Number of values; at most about `windowCount` for each thread, with older ones in part. */
  samples(row: number): number {
    return this.#times.read(row).count
  }

  /** @returns the 95th percentile; undefined with less than `minSamples` values, and for unknown models */
  p95Ms(row: number, minSamples: number): number | undefined {
    if (row >= this.#times.rows - 1) return undefined
    const known = this.#p95Ms[row] ?? Number.NaN
    if (!Number.isNaN(known)) return known
    const { counts, count } = this.#times.read(row)
    const p95Ms = count < minSamples ? undefined : quantilesOf(counts, this.#times.bounds, [0.95])?.[0]
    if (p95Ms !== undefined) this.#p95Ms[row] = p95Ms
    return p95Ms
  }
}
