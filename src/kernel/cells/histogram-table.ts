import { bucketIndex, cellOf } from './bucket-index.ts'
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
 * bucket: the error is at most half its width.
 */
export class HistogramTable {
  /** Upper bounds (inclusive) of the buckets, ascending; a last bucket holds larger values. */
  readonly bounds: readonly number[]
  readonly rows: number
  readonly threads: number
  readonly #cells: Float64Array
  readonly #min: number
  readonly #max: number
  readonly #scale: number
  readonly #firstBounds: Uint16Array
  /** Start of this thread's plane. */
  readonly #plane: number
  /** Distance between planes. */
  readonly #stride: number
  /** Cells of a row: its buckets, then the sum. */
  readonly #width: number
  /** Of one reading at a time. */
  readonly #totals: Float64Array

  /** @param bounds as for `bucketIndex` */
  constructor(bounds: readonly number[], rows: number, place: TablePlace = ownPlace()) {
    const { scale, firstBounds } = bucketIndex(bounds)
    this.bounds = bounds
    this.#min = bounds[0] ?? 0
    this.#max = bounds.at(-1) ?? 0
    this.#scale = scale
    this.#firstBounds = firstBounds
    this.rows = rows
    this.threads = place.threads
    this.#width = bounds.length + 2
    this.#totals = new Float64Array(this.#width)
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
    if (value <= this.#min) return 0
    if (!(value <= this.#max)) return this.bounds.length
    const bucket = this.#firstBounds[cellOf((value * this.#scale) | 0)] ?? 0
    return value <= (this.bounds[bucket] ?? 0) ? bucket : bucket + 1
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

  /** Halves what this thread has recorded in a row, so that later values weigh more. */
  halve(row: number): void {
    const start = this.#plane + row * this.#width
    for (let at = start; at < start + this.#width; at++) this.#cells[at] = (this.#cells[at] ?? 0) / 2
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
    const totals = this.#sum(rows)
    const counts = Array.from(totals.subarray(0, -1))
    return { counts, count: totalOf(counts), sum: totals.at(-1) ?? 0 }
  }

  /** Like `quantiles`, for one; 0 for an empty row. */
  quantile(row: number, share: number): number {
    return this.quantiles(row, [share])?.[0] ?? 0
  }

  /**
   * Returns the quantiles of a row, to the bucket; undefined for an empty row.
   * @param shares ascending, 0 to 1
   */
  quantiles(row: number, shares: readonly number[]): number[] | undefined {
    return quantilesOf(this.#sum([row]).subarray(0, -1), this.bounds, shares)
  }

  /** Returns the cells of rows, added up over threads, until the next call. */
  #sum(rows: readonly number[]): Float64Array {
    const totals = this.#totals.fill(0)
    for (let thread = 0; thread < this.threads; thread++) {
      for (const row of rows) {
        const start = thread * this.#stride + row * this.#width
        for (let cell = 0; cell < totals.length; cell++) {
          totals[cell] = (totals[cell] ?? 0) + (this.#cells[start + cell] ?? 0)
        }
      }
    }
    return totals
  }
}

/** Like `HistogramTable.quantiles`, for counts read before. */
export function quantilesOf(
  counts: ArrayLike<number>,
  bounds: readonly number[],
  shares: readonly number[],
): number[] | undefined {
  const total = totalOf(counts)
  if (total === 0) return undefined
  let bucket = 0
  let seen = counts[0] ?? 0
  return shares.map((share) => {
    const rank = Math.max(1, Math.ceil(share * total))
    while (seen < rank && bucket < counts.length) seen += counts[++bucket] ?? 0
    return middleOf(bucket, bounds)
  })
}

/** The harmonic mean of a bucket's bounds: its relative distance to both is the same. */
function middleOf(bucket: number, bounds: readonly number[]): number {
  const to = bounds[Math.min(bucket, bounds.length - 1)] ?? 0
  const from = bucket < bounds.length ? (bounds[bucket - 1] ?? to) : to
  return (2 * from * to) / (from + to)
}

function totalOf(counts: ArrayLike<number>): number {
  let total = 0
  for (let bucket = 0; bucket < counts.length; bucket++) total += counts[bucket] ?? 0
  return total
}
