import type { RowMarks } from '../../kernel/cells/row-marks.ts'
import type { AmountCells } from './amount-cells.ts'
import type { CallerLimitCells } from './limit-cells.ts'
import type { LimitWindows, Moment, Window } from './window.ts'

/** What a subject uses of one window, exact over all threads. */
export class LimitRow {
  readonly row: number
  readonly window: Window
  readonly #amounts: AmountCells
  readonly #span: number
  /** Undefined if it is not saved. */
  readonly #unsaved: RowMarks | undefined
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

  /** Notes what a pass over several rows has found, as `add` does. */
  note(bucket: number, total: number): void {
    this.bucket = bucket
    this.total = total
  }

  /** Changes what a bucket holds when what was reserved there is settled; the row is then to be saved. */
  settle(bucket: number, difference: number): void {
    if (difference !== 0) this.change(bucket, difference)
    this.#unsaved?.mark(this.row)
  }

  /** Changes what a bucket holds. One that no longer counts stays as it is. */
  change(bucket: number, difference: number): void {
    this.#amounts.change(this.row, bucket, this.#span, difference)
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

/**
 * Assigns rows of cells to limits, for all threads. A thread holds the rows of a caller while it has the caller's plan. A
 * row that no thread holds goes to another limit once nothing that it contains counts any more.
 */
export class LimitRows {
  readonly #cells: CallerLimitCells
  readonly #windows: LimitWindows

  constructor(cells: CallerLimitCells, windows: LimitWindows) {
    this.#cells = cells
    this.#windows = windows
  }

  /** Runs work during which no other thread takes a row. */
  exclusively<T>(work: () => T): T {
    return this.#cells.amounts.exclusively(work)
  }

  /**
   * Finds the row of a limit, or takes one. Call it within `exclusively`.
   * @param window of the limit; undefined for slots
   * @returns undefined if there is no row left
   */
  take(key: string, window: Window | undefined, moment: Moment): number | undefined {
    const { amounts, unsaved, warnings, reached, windows } = this.#cells
    const row = amounts.take(key, (other) => this.#isFree(other, moment))
    if (row === undefined || !amounts.isNew) return row
    unsaved.unmark(row)
    for (const marks of [warnings, reached]) Atomics.store(marks, row, 0)
    Atomics.store(windows, row, window === undefined ? 0 : window.index + 1)
    return row
  }

  /** Keeps a row from being given to another limit. Call it within `exclusively`. */
  hold(row: number): void {
    this.#cells.holders.acquire(row)
  }

  giveBack(row: number): void {
    this.#cells.holders.release(row)
  }

  #isFree(row: number, moment: Moment): boolean {
    const { holders, slots, windows } = this.#cells
    if (holders.value(row) > 0 || slots.value(row) > 0) return false
    const window = this.#windows.at(Atomics.load(windows, row) - 1)
    if (window === undefined) return true
    const current = window.bucketAt(moment)
    const limitRow = new LimitRow(row, window, this.#cells)
    // The clock of another thread may be ahead.
    return limitRow.sum(current) === 0 && limitRow.read(current + 1) === 0
  }
}
