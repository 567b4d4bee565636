import { ringSize } from './amount-cells.ts'
import type { CallerLimitCells } from './limit-cells.ts'
import type { Window } from './window.ts'

/** A tag this much later belongs to a bucket of now; one further away is left over from long ago. */
const maxAhead = 4
/** Attempts to change a cell that other threads keep changing; in each round one thread succeeds. */
const maxTries = 1_000

type RowCells = Pick<CallerLimitCells, 'amounts' | 'revisions' | 'unsaved'>

/**
 * What a subject uses of one window, exact over all threads.
 *
 * An amount is added to the cell of the current bucket with one compare-and-swap, which also holds the limit: the buckets
 * before it are closed, so that only settling changes them. Closing them is what opens a bucket. A thread that still
 * takes an earlier one for the current bucket finds it closed.
 */
export class LimitRow {
  readonly row: number
  readonly window: Window
  readonly #cells: RowCells
  readonly #tags: number
  /** The sum of closed buckets that this thread has read last. */
  #summed = -1
  #revision = -1
  #sum = 0
  /** After `add`: the bucket that got the amount, or would have, and what the window then holds. */
  bucket = 0
  total = 0

  constructor(row: number, window: Window, cells: RowCells) {
    this.row = row
    this.window = window
    this.#cells = cells
    this.#tags = 2 ** window.tagBits - 1
  }

  /**
   * Adds an amount if the window then holds no more than `limit`.
   * @param current the bucket of now
   */
  add(current: number, amount: number, limit: number): boolean {
    const { amounts, unsaved } = this.#cells
    const { row } = this
    const { tagBits } = this.window
    let bucket = current
    for (let tries = 0; tries < maxTries; tries++) {
      const tag = this.#tagOf(bucket)
      const cell = amounts.read(row, bucket, tagBits)
      if (amounts.tag !== tag) {
        if (this.#isAhead(amounts.tag, tag)) bucket++
        else this.#open(bucket, tag)
        continue
      }
      if (amounts.isClosed) {
        bucket++
        continue
      }
      const held = amounts.amount
      const total = held + this.#before(bucket)
      this.bucket = bucket
      this.total = total
      if (total + amount > limit) return false
      if (!amounts.write(row, bucket, tagBits, cell, tag, false, held + amount)) continue
      this.total = total + amount
      if (this.window.isSaved) Atomics.store(unsaved, row, 1)
      return true
    }
    // No thread loses this many races; if the limit cannot be enforced, refuse the request.
    return false
  }

  /** Changes what a bucket holds, when what was reserved there is settled. A bucket that no longer counts stays as it is. */
  change(bucket: number, difference: number): void {
    const { amounts, revisions, unsaved } = this.#cells
    const { row } = this
    const { tagBits } = this.window
    const tag = this.#tagOf(bucket)
    for (;;) {
      const cell = amounts.read(row, bucket, tagBits)
      if (amounts.tag !== tag) return
      const { isClosed } = amounts
      if (!amounts.write(row, bucket, tagBits, cell, tag, isClosed, amounts.amount + difference)) continue
      if (isClosed) Atomics.add(revisions, row, 1)
      if (this.window.isSaved) Atomics.store(unsaved, row, 1)
      return
    }
  }

  /** What a bucket holds. */
  read(bucket: number): number {
    return this.find(bucket) ?? 0
  }

  /** What a bucket holds; undefined if no cell is in use for it. */
  find(bucket: number): number | undefined {
    const { amounts } = this.#cells
    amounts.read(this.row, bucket, this.window.tagBits)
    return amounts.tag === this.#tagOf(bucket) ? amounts.amount : undefined
  }

  /** What the window holds. */
  sum(current: number): number {
    let sum = 0
    for (let bucket = Math.max(0, current - this.window.span); bucket <= current; bucket++)
      sum += this.read(bucket)
    return sum
  }

  /**
   * Adds a difference that is not of a request of this process. Later buckets may be in use already.
   * @param isPast whether the bucket has ended, so that requests no longer add to it
   */
  restore(bucket: number, difference: number, isPast: boolean): void {
    const { amounts, revisions } = this.#cells
    const { tagBits } = this.window
    const tag = this.#tagOf(bucket)
    for (;;) {
      const cell = amounts.read(this.row, bucket, tagBits)
      const isOwn = amounts.tag === tag
      if (!isOwn && this.#isAhead(amounts.tag, tag)) return
      if (!isOwn && !isPast) {
        this.#open(bucket, tag)
        continue
      }
      const held = isOwn ? amounts.amount : 0
      const isClosed = isOwn ? amounts.isClosed : isPast
      if (amounts.write(this.row, bucket, tagBits, cell, tag, isClosed, held + difference)) break
    }
    Atomics.add(revisions, this.row, 1)
  }

  #open(bucket: number, tag: number): void {
    const { amounts } = this.#cells
    const { row } = this
    const { tagBits } = this.window
    for (let before = Math.max(0, bucket - ringSize + 1); before < bucket; before++) this.#close(before)
    const cell = amounts.read(row, bucket, tagBits)
    if (amounts.tag !== tag && !this.#isAhead(amounts.tag, tag))
      amounts.write(row, bucket, tagBits, cell, tag, false, 0)
  }

  #close(bucket: number): void {
    const { amounts } = this.#cells
    const { tagBits } = this.window
    const tag = this.#tagOf(bucket)
    for (;;) {
      const cell = amounts.read(this.row, bucket, tagBits)
      const isOwn = amounts.tag === tag
      if (isOwn ? amounts.isClosed : this.#isAhead(amounts.tag, tag)) return
      const amount = isOwn ? amounts.amount : 0
      if (amounts.write(this.row, bucket, tagBits, cell, tag, true, amount)) return
    }
  }

  /** The sum of the closed buckets that count with this one. Leaves what the cells have read undefined. */
  #before(bucket: number): number {
    const { span } = this.window
    if (span === 0) return 0
    const revision = Atomics.load(this.#cells.revisions, this.row)
    if (this.#summed === bucket && this.#revision === revision) return this.#sum
    let sum = 0
    for (let before = Math.max(0, bucket - span); before < bucket; before++) sum += this.read(before)
    this.#summed = bucket
    this.#revision = revision
    this.#sum = sum
    return sum
  }

  /** From 1: a cell that was never used has tag 0. */
  #tagOf(bucket: number): number {
    return (Math.floor(bucket / ringSize) % this.#tags) + 1
  }

  #isAhead(found: number, tag: number): boolean {
    if (found === 0) return false
    const ahead = (found - tag + this.#tags) % this.#tags
    return ahead > 0 && ahead <= maxAhead
  }
}
