import { ownPlace, planeStride, type TablePlace } from './table-place.ts'

/** One row of a histogram. */
export interface HistogramReading {
  /** Per bucket; the last bucket is above all bounds. */
  readonly counts: readonly number[]
  readonly count: number
  /** Sum of all recorded values. */
  readonly sum: number
}

/**
 * Fixed-bucket histograms for many rows, one plane per thread as in `CounterTable`. Percentiles are exact to the
 * bucket.
 */
export class HistogramTable {
  /** Upper bounds (inclusive) of the buckets, ascending; a last bucket holds larger values. */
  readonly bounds: readonly number[]
  readonly rows: number
  readonly threads: number
  readonly #cells: Float64Array
  /** Start of this thread's plane. */
  readonly #plane: number
  /** Distance between planes. */
  readonly #stride: number
  /** Cells of a row: its buckets, then the sum. */
  readonly #width: number

  constructor(bounds: readonly number[], rows: number, place: TablePlace = ownPlace()) {
    this.bounds = bounds
    this.rows = rows
    this.threads = place.threads
    this.#width = bounds.length + 2
    this.#stride = planeStride(rows * this.#width, Float64Array.BYTES_PER_ELEMENT)
    this.#plane = place.thread * this.#stride
    const cells = this.threads * this.#stride
    this.#cells = new Float64Array(
      place.allocate({ kind: 'histogram', rows, columns: bounds }, cells * Float64Array.BYTES_PER_ELEMENT),
    )
  }

  record(row: number, value: number): void {
    this.add(row, this.bucketOf(value), 1, value)
  }

  /** Returns the bucket of a value, for callers that record it in several rows or many times. */
  bucketOf(value: number): number {
    let low = 0
    let high = this.bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (value <= (this.bounds[middle] ?? 0)) high = middle
      else low = middle + 1
    }
    return low
  }

  /**
   * Records `count` values of one bucket.
   * @param sum of the values
   */
  add(row: number, bucket: number, count: number, sum: number): void {
    const start = this.#plane + row * this.#width
    const at = start + bucket
    const sumAt = start + this.#width - 1
    this.#cells[at] = (this.#cells[at] ?? 0) + count
    this.#cells[sumAt] = (this.#cells[sumAt] ?? 0) + sum
  }

  /** Resets a row to 0; a thread that records at the same moment may undo that for its own plane. */
  clearRow(row: number): void {
    for (let thread = 0; thread < this.threads; thread++) {
      const start = thread * this.#stride + row * this.#width
      this.#cells.fill(0, start, start + this.#width)
    }
  }

  /** Returns the counts per bucket; the last bucket is above all bounds. */
  counts(row: number): number[] {
    return [...this.read(row).counts]
  }

  read(row: number): HistogramReading {
    return this.readAll([row])
  }

  /** Reads several rows as one. */
  readAll(rows: readonly number[]): HistogramReading {
    const width = this.#width
    const totals = new Float64Array(width)
    for (let thread = 0; thread < this.threads; thread++) {
      for (const row of rows) {
        const start = thread * this.#stride + row * width
        for (let cell = 0; cell < width; cell++) {
          totals[cell] = (totals[cell] ?? 0) + (this.#cells[start + cell] ?? 0)
        }
      }
    }
    const counts = Array.from(totals.subarray(0, width - 1))
    return { counts, count: totalOf(counts), sum: totals[width - 1] ?? 0 }
  }

  /**
   * Returns the upper bound of the bucket that holds the given quantile (0 to 1); the last bound if the quantile is
   * above all bounds; 0 for an empty row.
   */
  quantile(row: number, quantile: number): number {
    return quantileOf(this.counts(row), this.bounds, quantile)
  }
}

/** Like `HistogramTable.quantile`, for counts read before. */
export function quantileOf(counts: readonly number[], bounds: readonly number[], quantile: number): number {
  const total = totalOf(counts)
  if (total === 0) return 0
  const rank = Math.max(1, Math.ceil(quantile * total))
  let seen = 0
  for (const [bucket, count] of counts.entries()) {
    seen += count
    if (seen >= rank) return bounds[Math.min(bucket, bounds.length - 1)] ?? 0
  }
  return bounds.at(-1) ?? 0
}

function totalOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0)
}
