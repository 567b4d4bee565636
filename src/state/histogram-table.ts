/**
 * Fixed-bucket histograms of many rows, one plane per thread as in `CounterTable`. Percentiles are exact to
 * the bucket.
 */
export class HistogramTable {
  /** Upper bounds (inclusive) of the buckets, ascending; a last bucket takes what is larger. */
  readonly bounds: readonly number[]
  readonly rows: number
  readonly threads: number
  readonly buffer: SharedArrayBuffer
  readonly #cells: Float64Array
  readonly #plane: number
  readonly #width: number

  constructor(
    bounds: readonly number[],
    rows: number,
    share: { threads?: number; thread?: number; buffer?: SharedArrayBuffer } = {},
  ) {
    this.bounds = bounds
    this.rows = rows
    this.threads = share.threads ?? 1
    this.#width = bounds.length + 1
    this.#plane = (share.thread ?? 0) * rows * this.#width
    this.buffer =
      share.buffer ??
      new SharedArrayBuffer(this.threads * rows * this.#width * Float64Array.BYTES_PER_ELEMENT)
    this.#cells = new Float64Array(this.buffer)
  }

  record(row: number, value: number): void {
    let low = 0
    let high = this.bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (value <= (this.bounds[middle] ?? 0)) high = middle
      else low = middle + 1
    }
    const at = this.#plane + row * this.#width + low
    this.#cells[at] = (this.#cells[at] ?? 0) + 1
  }

  /** Counts per bucket, the last one above all bounds. */
  counts(row: number): number[] {
    return Array.from({ length: this.#width }, (_, bucket) => {
      let total = 0
      for (let thread = 0; thread < this.threads; thread++) {
        total += this.#cells[(thread * this.rows + row) * this.#width + bucket] ?? 0
      }
      return total
    })
  }

  /**
   * The upper bound of the bucket that holds the given quantile (0 to 1); the largest bound where it lies
   * above all; 0 for an empty row.
   */
  quantile(row: number, quantile: number): number {
    const counts = this.counts(row)
    const total = counts.reduce((sum, count) => sum + count, 0)
    if (total === 0) return 0
    const rank = Math.max(1, Math.ceil(quantile * total))
    let seen = 0
    for (const [bucket, count] of counts.entries()) {
      seen += count
      if (seen >= rank) return this.bounds[Math.min(bucket, this.bounds.length - 1)] ?? 0
    }
    return this.bounds.at(-1) ?? 0
  }
}
