import type { AmountCells } from './amount-cells.ts'
import type { CallerLimitCells } from './limit-cells.ts'
import type { Window } from './window.ts'

/** What a subject uses of one window, exact over all threads. */
export class LimitRow {
  readonly row: number
  readonly window: Window
  readonly #amounts: AmountCells
  readonly #span: number
  /** Undefined if it is not saved. */
  readonly #unsaved: Int32Array | undefined
  /** After `add`: the bucket that got the amount, or would have, and what the window then holds. */
  bucket = 0
  total = 0

  constructor(
    row: number,
    window: Window,
    { amounts, unsaved }: Pick<CallerLimitCells, 'amounts' | 'unsaved'>,
  ) {
    this.row = row
    this.window = window
    this.#amounts = amounts
    this.#span = window.span
    this.#unsaved = window.isSaved ? unsaved : undefined
  }

  /**
   * Adds an amount if the window then holds no more than `limit`.
   * @param current the bucket of now; if the clock of another thread is ahead, its bucket counts
   */
  add(current: number, amount: number, limit: number): boolean {
    const amounts = this.#amounts
    const isAllowed = amounts.add(this.row, current, this.#span, amount, limit)
    this.bucket = amounts.bucket
    this.total = amounts.total
    return isAllowed
  }

  /** Changes what a bucket holds when what was reserved there is settled; the row is then to be saved. */
  settle(bucket: number, difference: number): void {
    if (difference === 0 && this.#unsaved === undefined) return
    this.#amounts.change(this.row, bucket, this.#span, difference, this.#unsaved)
  }

  /** Changes what a bucket holds. One that no longer counts stays as it is. */
  change(bucket: number, difference: number): void {
    this.#amounts.change(this.row, bucket, this.#span, difference, undefined)
  }

  /** What a bucket holds. */
  read(bucket: number): number {
    return this.find(bucket) ?? 0
  }

  /** What a bucket holds; undefined if no cell is in use for it. */
  find(bucket: number): number | undefined {
    return this.#amounts.find(this.row, bucket)
  }

  /** What the window holds. */
  sum(current: number): number {
    return this.#amounts.sum(this.row, current, this.#span)
  }

  /** Adds a difference that is not of a request of this process. Later buckets may be in use already. */
  restore(bucket: number, difference: number): void {
    this.#amounts.restore(this.row, bucket, this.#span, difference)
  }
}
