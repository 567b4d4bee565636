import { KeyHash } from '../../kernel/cells/key-hash.ts'
import type { CellKind } from '../../kernel/cells/layout.ts'
import { RowLocks } from '../../kernel/cells/row-locks.ts'
import type { TablePlace } from '../../kernel/cells/table-place.ts'

/** Buckets of a row, found by their numbers: more than a window counts, for threads whose clocks differ. */
const ringSize = 15
/** What a row has of each kind of cells. */
const rowNumbers = ringSize + 1
const rowIntegers = ringSize + 3
/** Places of integers in a row: the hash of its key, its newest bucket + 1, and for each cell its bucket + 1. */
const highAt = 0
const lowAt = 1
const newestAt = 2
const tagsAt = 3
/** Places of numbers: what the window of the newest bucket holds, and the amounts of buckets. */
const sumAt = 0
const bucketAmountsAt = 1
const seedBytes = 8
/** Rows among which a key looks for its own: with nine of ten in use, one key of 200 finds none. */
const maxProbes = 1_024
/** A bucket this much later is one of now, on a thread whose clock is ahead; one further away is left over. */
const maxAhead = 4

/** The rows of several limits, for one pass over all of them. */
export interface AmountRows {
  readonly rows: Int32Array
  /** For each row: number of earlier buckets that count, most that the window may hold, and places of amount and bucket. */
  readonly spans: Int32Array
  readonly limits: Float64Array
  readonly amountsAt: Int32Array
  readonly bucketsAt: Int32Array
}

/**
 * Rows of amounts by key, exact over all threads. A row has one cell per bucket of time with the number of its bucket, and
 * the sum of those that count. It changes under its lock: so amounts are plain numbers, whole up to 2^53.
 */
export class AmountCells {
  readonly rows: number
  readonly #numbers: Float64Array
  readonly #integers: Int32Array
  readonly #locks: RowLocks
  /** Under which rows are taken. */
  readonly #table: RowLocks
  readonly #maxProbes: number
  readonly #hash: KeyHash
  #high = 0
  #low = 0
  /** After `take`: whether the row was taken. */
  isNew = false
  /** After `add`: the bucket that got the amount, or would have, and what the window then holds. */
  bucket = 0
  total = 0

  constructor(rows: number, place: TablePlace) {
    this.rows = rows
    const numberBytes = rows * rowNumbers * Float64Array.BYTES_PER_ELEMENT
    const integers = rows * rowIntegers
    const bytes = seedBytes + numberBytes + integers * Int32Array.BYTES_PER_ELEMENT
    const memory = place.allocate({ kind: 'amounts', rows }, bytes, { randomBytes: seedBytes })
    this.#hash = new KeyHash(new Int32Array(memory, 0, 2))
    this.#numbers = new Float64Array(memory, seedBytes, rows * rowNumbers)
    this.#integers = new Int32Array(memory, seedBytes + numberBytes, integers)
    this.#locks = new RowLocks(rows, place.part('locks'))
    this.#table = new RowLocks(1, place.part('table'))
    this.#maxProbes = Math.min(rows, maxProbes)
  }

  /** Runs work during which no other thread takes a row. */
  exclusively<T>(work: () => T): T {
    this.#table.lock(0)
    try {
      return work()
    } finally {
      this.#table.unlock(0)
    }
  }

  /** @returns the row of a key; undefined if it has none */
  row(key: string): number | undefined {
    this.#update(key)
    for (let at = 0; at < this.#maxProbes; at++) {
      const row = this.#probe(at)
      if (this.#isOf(row)) return row
      if (this.#integer(row, highAt) === 0) return undefined
    }
    return undefined
  }

  /**
   * Finds the row of a key, or takes one that is unused or free. Call it within `exclusively`.
   * @param isFree whether a row may be taken from its key
   * @returns undefined if there is none; `isNew` says whether it was taken
   */
  take(key: string, isFree: (row: number) => boolean): number | undefined {
    this.isNew = false
    this.#update(key)
    let free: number | undefined
    for (let at = 0; at < this.#maxProbes; at++) {
      const row = this.#probe(at)
      if (this.#isOf(row)) return row
      const isUnused = this.#integer(row, highAt) === 0
      if (free === undefined && (isUnused || isFree(row))) free = row
      if (isUnused) break
    }
    if (free !== undefined) this.#assign(free)
    return free
  }

  /**
   * Adds an amount if the window then holds no more than `limit`.
   * @param current the bucket of now
   * @param span number of earlier buckets that count with it
   */
  add(row: number, current: number, span: number, amount: number, limit: number): boolean {
    const integers = this.#integers
    const numbers = this.#numbers
    const newestCell = row * rowIntegers + newestAt
    const sumCell = row * rowNumbers + sumAt
    this.#locks.lock(row)
    const newest = (integers[newestCell] ?? 0) - 1
    const bucket = newest > current && newest - current <= maxAhead ? newest : current
    if (bucket !== newest) this.#open(row, bucket, span)
    const total = numbers[sumCell] ?? 0
    const isAllowed = total + amount <= limit
    if (isAllowed) {
      const cell = row * rowNumbers + bucketAmountsAt + (bucket % ringSize)
      numbers[cell] = (numbers[cell] ?? 0) + amount
      numbers[sumCell] = total + amount
    }
    this.#locks.unlock(row)
    this.bucket = bucket
    this.total = isAllowed ? total + amount : total
    return isAllowed
  }

  /**
   * Adds to rows in their order, as `add` does, until one has no room. An amount of 0 is not added.
   * @param current the buckets of now
   * @param into for each row: the bucket that got the amount or would have, -1 without an amount
   * @param totals for each row: what the window then holds
   * @returns the place of the row without room; -1 if all have got their amounts
   */
  addAll(
    { rows, spans, limits, amountsAt, bucketsAt }: AmountRows,
    current: Int32Array,
    amounts: Float64Array,
    into: Int32Array,
    totals: Float64Array,
  ): number {
    const integers = this.#integers
    const numbers = this.#numbers
    for (let at = 0; at < rows.length; at++) {
      const amount = amounts[amountsAt[at] ?? 0] ?? 0
      if (amount === 0) {
        into[at] = -1
        continue
      }
      const row = rows[at] ?? 0
      const now = current[bucketsAt[at] ?? 0] ?? 0
      const sumCell = row * rowNumbers + sumAt
      this.#locks.lock(row)
      const newest = (integers[row * rowIntegers + newestAt] ?? 0) - 1
      const bucket = newest > now && newest - now <= maxAhead ? newest : now
      if (bucket !== newest) this.#open(row, bucket, spans[at] ?? 0)
      const total = (numbers[sumCell] ?? 0) + amount
      const isAllowed = total <= (limits[at] ?? 0)
      if (isAllowed) {
        const cell = row * rowNumbers + bucketAmountsAt + (bucket % ringSize)
        numbers[cell] = (numbers[cell] ?? 0) + amount
        numbers[sumCell] = total
      }
      this.#locks.unlock(row)
      into[at] = bucket
      totals[at] = total
      if (!isAllowed) return at
    }
    return -1
  }

  /** Changes buckets of rows, as `change` does, by the difference of amounts. @param buckets -1 leaves a row as it is */
  changeAll(
    { rows, spans, amountsAt }: AmountRows,
    buckets: readonly number[],
    before: Float64Array,
    after: Float64Array,
  ): void {
    const integers = this.#integers
    for (let at = 0; at < rows.length; at++) {
      const bucket = buckets[at] ?? -1
      const place = amountsAt[at] ?? 0
      const difference = (after[place] ?? 0) - (before[place] ?? 0)
      if (bucket < 0 || difference === 0) continue
      const row = rows[at] ?? 0
      this.#locks.lock(row)
      if (integers[row * rowIntegers + tagsAt + (bucket % ringSize)] === bucket + 1)
        this.#change(row, bucket, spans[at] ?? 0, difference)
      this.#locks.unlock(row)
    }
  }

  /**
   * Changes what a bucket holds, but not below zero. A bucket that no longer counts stays as it is.
   */
  change(row: number, bucket: number, span: number, difference: number): void {
    this.#locks.lock(row)
    const cell = this.#integers[row * rowIntegers + tagsAt + (bucket % ringSize)]
    if (cell === bucket + 1) this.#change(row, bucket, span, difference)
    this.#locks.unlock(row)
  }

  /** What a bucket holds; undefined if no cell is in use for it. */
  find(row: number, bucket: number): number | undefined {
    this.#locks.lock(row)
    const isFound = this.#integers[row * rowIntegers + tagsAt + (bucket % ringSize)] === bucket + 1
    const amount = this.#amount(row, bucket)
    this.#locks.unlock(row)
    return isFound ? amount : undefined
  }

  /** What the window of a bucket holds. */
  sum(row: number, current: number, span: number): number {
    this.#locks.lock(row)
    const sum = this.#sum(row, current, span)
    this.#locks.unlock(row)
    return sum
  }

  /** Changes a bucket that may have no cell yet. One whose cell a later bucket has stays as it is. */
  restore(row: number, bucket: number, span: number, difference: number): void {
    const integers = this.#integers
    const slot = bucket % ringSize
    const tagCell = row * rowIntegers + tagsAt + slot
    this.#locks.lock(row)
    const ahead = (integers[tagCell] ?? 0) - 1 - bucket
    if (ahead <= 0 || ahead > maxAhead * ringSize) {
      if (ahead !== 0) {
        integers[tagCell] = bucket + 1
        this.#numbers[row * rowNumbers + bucketAmountsAt + slot] = 0
      }
      this.#change(row, bucket, span, difference)
    }
    this.#locks.unlock(row)
  }

  /** Makes a bucket the newest one. Under the lock, as all that follows. */
  #open(row: number, bucket: number, span: number): void {
    const integers = this.#integers
    const tagCell = row * rowIntegers + tagsAt + (bucket % ringSize)
    if (integers[tagCell] !== bucket + 1) {
      integers[tagCell] = bucket + 1
      this.#numbers[row * rowNumbers + bucketAmountsAt + (bucket % ringSize)] = 0
    }
    integers[row * rowIntegers + newestAt] = bucket + 1
    this.#numbers[row * rowNumbers + sumAt] = this.#sum(row, bucket, span)
  }

  #change(row: number, bucket: number, span: number, difference: number): void {
    const numbers = this.#numbers
    const cell = row * rowNumbers + bucketAmountsAt + (bucket % ringSize)
    const held = numbers[cell] ?? 0
    const changed = held + difference > 0 ? held + difference : 0
    numbers[cell] = changed
    const newest = (this.#integers[row * rowIntegers + newestAt] ?? 0) - 1
    const sumCell = row * rowNumbers + sumAt
    if (bucket <= newest && bucket >= newest - span)
      numbers[sumCell] = (numbers[sumCell] ?? 0) + changed - held
  }

  #sum(row: number, current: number, span: number): number {
    let sum = 0
    for (let bucket = Math.max(0, current - span); bucket <= current; bucket++)
      sum += this.#amount(row, bucket)
    return sum
  }

  #amount(row: number, bucket: number): number {
    const slot = bucket % ringSize
    if (this.#integers[row * rowIntegers + tagsAt + slot] !== bucket + 1) return 0
    return this.#numbers[row * rowNumbers + bucketAmountsAt + slot] ?? 0
  }

  /** A hash of a key, by which to find what is known of it. */
  hashOf(key: string): number {
    this.#update(key)
    return combined(this.#high, this.#low)
  }

  /** The hash of the key that has a row. */
  hashAt(row: number): number {
    return combined(this.#integer(row, highAt), this.#integer(row, lowAt))
  }

  #update(key: string): void {
    this.#hash.update(key)
    this.#high = this.#hash.high || 1
    this.#low = this.#hash.low
  }

  /** The row that the current key may have, if those before it belong to others. */
  #probe(at: number): number {
    return ((this.#low >>> 0) + at) % this.rows
  }

  #isOf(row: number): boolean {
    return this.#integer(row, highAt) === this.#high && this.#integer(row, lowAt) === this.#low
  }

  /** Empties a row, then gives it to the current key. */
  #assign(row: number): void {
    const integers = this.#integers
    const start = row * rowIntegers
    this.#locks.lock(row)
    integers.fill(0, start + newestAt, start + rowIntegers)
    this.#numbers.fill(0, row * rowNumbers, (row + 1) * rowNumbers)
    integers[start + lowAt] = this.#low
    integers[start + highAt] = this.#high
    this.#locks.unlock(row)
    this.isNew = true
  }

  #integer(row: number, at: number): number {
    return Atomics.load(this.#integers, row * rowIntegers + at)
  }
}

/** 53 bits. */
function combined(high: number, low: number): number {
  return (high >>> 0) * 2 ** 21 + (low >>> 11)
}

export function amountCells(rows: number): CellKind<AmountCells> {
  return (place) => new AmountCells(rows, place)
}
