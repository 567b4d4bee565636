import { KeyHash } from '../../kernel/cells/key-hash.ts'
import type { CellKind } from '../../kernel/cells/layout.ts'
import { RowLocks } from '../../kernel/cells/row-locks.ts'
import type { TablePlace } from '../../kernel/cells/table-place.ts'

/** Rows that share a lock and lie side by side: those of one subject, as far as there is room. */
const groupBits = 3
const groupRows = 2 ** groupBits
/** Buckets of a row before the newest one, found by their numbers: more than a window counts, for clocks that differ. */
const ringSize = 15
/** What requests change of a row: its newest bucket + 1, the amount of that, and what the window then holds. */
const hotNumbers = 3
const [newestAt, amountAt, sumAt] = [0, 1, 2] as const
/** Places of integers in a row: the hash of its key, and for each cell of the ring its bucket + 1. */
const rowIntegers = ringSize + 2
const [highAt, lowAt, tagsAt] = [0, 1, 2] as const
/** Before the rows of a group, which then begin with a cache line. */
const seedBytes = 64
/** Rows among which a key looks for its own. */
const maxProbes = 4_096
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
 * the sum of those that count. It changes under the lock of its group: so amounts are plain numbers, whole up to 2^53.
 *
 * Each cache line that two threads write costs a request about as much as ten additions, so what a request changes of
 * its subject's rows shares a few lines and one lock.
 */
export class AmountCells {
  readonly rows: number
  readonly #groups: number
  readonly #hot: Float64Array
  readonly #ring: Float64Array
  readonly #integers: Int32Array
  readonly #locks: RowLocks
  /** Under which rows are taken. */
  readonly #table: RowLocks
  readonly #maxProbes: number
  readonly #hash: KeyHash
  #high = 0
  #low = 0
  /** The first row that the current key may have. */
  #start = 0
  /** After `take`: whether the row was taken. */
  isNew = false
  /** After `add`: the bucket that got the amount, or would have, and what the window then holds. */
  bucket = 0
  total = 0

  constructor(rows: number, place: TablePlace) {
    this.rows = rows
    this.#groups = Math.ceil(rows / groupRows)
    const hot = this.#groups * groupRows * hotNumbers
    const ring = rows * ringSize
    const integers = rows * rowIntegers
    const ringStart = seedBytes + hot * Float64Array.BYTES_PER_ELEMENT
    const integersStart = ringStart + ring * Float64Array.BYTES_PER_ELEMENT
    const bytes = integersStart + integers * Int32Array.BYTES_PER_ELEMENT
    const memory = place.allocate({ kind: 'amounts', rows }, bytes, { randomBytes: 8 })
    this.#hash = new KeyHash(new Int32Array(memory, 0, 2))
    this.#hot = new Float64Array(memory, seedBytes, hot)
    this.#ring = new Float64Array(memory, ringStart, ring)
    this.#integers = new Int32Array(memory, integersStart, integers)
    this.#locks = new RowLocks(this.#groups, place.part('locks'))
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
    const hot = this.#hot
    const at = row * hotNumbers
    this.#locks.lock(row >> groupBits)
    const newest = (hot[at + newestAt] ?? 0) - 1
    const bucket = newest > current && newest - current <= maxAhead ? newest : current
    if (bucket !== newest) this.#open(row, bucket, span)
    const total = hot[at + sumAt] ?? 0
    const isAllowed = total + amount <= limit
    if (isAllowed) {
      hot[at + amountAt] = (hot[at + amountAt] ?? 0) + amount
      hot[at + sumAt] = total + amount
    }
    this.#locks.unlock(row >> groupBits)
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
    const hot = this.#hot
    const locks = this.#locks
    let full = -1
    let locked = -1
    for (let at = 0; at < rows.length && full < 0; at++) {
      const amount = amounts[amountsAt[at] ?? 0] ?? 0
      if (amount === 0) {
        into[at] = -1
        continue
      }
      const row = rows[at] ?? 0
      const now = current[bucketsAt[at] ?? 0] ?? 0
      const place = row * hotNumbers
      if (row >> groupBits !== locked) {
        if (locked >= 0) locks.unlock(locked)
        locked = row >> groupBits
        locks.lock(locked)
      }
      const newest = (hot[place + newestAt] ?? 0) - 1
      const bucket = newest > now && newest - now <= maxAhead ? newest : now
      if (bucket !== newest) this.#open(row, bucket, spans[at] ?? 0)
      const total = (hot[place + sumAt] ?? 0) + amount
      if (total <= (limits[at] ?? 0)) {
        hot[place + amountAt] = (hot[place + amountAt] ?? 0) + amount
        hot[place + sumAt] = total
      } else full = at
      into[at] = bucket
      totals[at] = total
    }
    if (locked >= 0) locks.unlock(locked)
    return full
  }

  /** Changes buckets of rows, as `change` does, by the difference of amounts. @param buckets -1 leaves a row as it is */
  changeAll(
    { rows, spans, amountsAt }: AmountRows,
    buckets: readonly number[],
    before: Float64Array,
    after: Float64Array,
  ): void {
    const locks = this.#locks
    let locked = -1
    for (let at = 0; at < rows.length; at++) {
      const bucket = buckets[at] ?? -1
      const place = amountsAt[at] ?? 0
      const difference = (after[place] ?? 0) - (before[place] ?? 0)
      if (bucket < 0 || difference === 0) continue
      const row = rows[at] ?? 0
      if (row >> groupBits !== locked) {
        if (locked >= 0) locks.unlock(locked)
        locked = row >> groupBits
        locks.lock(locked)
      }
      this.#change(row, bucket, spans[at] ?? 0, difference)
    }
    if (locked >= 0) locks.unlock(locked)
  }

  /**
   * Changes what a bucket holds, but not below zero. A bucket that no longer counts stays as it is.
   */
  change(row: number, bucket: number, span: number, difference: number): void {
    this.#locks.lock(row >> groupBits)
    this.#change(row, bucket, span, difference)
    this.#locks.unlock(row >> groupBits)
  }

  /** What a bucket holds; undefined if no cell is in use for it. */
  find(row: number, bucket: number): number | undefined {
    this.#locks.lock(row >> groupBits)
    const isFound = this.#newest(row) === bucket || this.#isInRing(row, bucket)
    const amount = this.#amount(row, bucket)
    this.#locks.unlock(row >> groupBits)
    return isFound ? amount : undefined
  }

  /** What the window of a bucket holds. */
  sum(row: number, current: number, span: number): number {
    this.#locks.lock(row >> groupBits)
    const sum = this.#sum(row, current, span)
    this.#locks.unlock(row >> groupBits)
    return sum
  }

  /** Changes a bucket that may have no cell yet. One whose cell a later bucket has stays as it is. */
  restore(row: number, bucket: number, span: number, difference: number): void {
    this.#locks.lock(row >> groupBits)
    const newest = this.#newest(row)
    const slot = bucket % ringSize
    const tagCell = row * rowIntegers + tagsAt + slot
    // The newest bucket has its cell of the ring once it is no longer the newest.
    const holder = newest >= 0 && newest % ringSize === slot ? newest : (this.#integers[tagCell] ?? 0) - 1
    const ahead = holder - bucket
    if (ahead <= 0 || ahead > maxAhead * ringSize) {
      if (holder !== bucket) {
        this.#integers[tagCell] = bucket + 1
        this.#ring[row * ringSize + slot] = 0
      }
      this.#change(row, bucket, span, difference)
    }
    this.#locks.unlock(row >> groupBits)
  }

  /** Makes a bucket the newest one. Under the lock, as all that follows. */
  #open(row: number, bucket: number, span: number): void {
    const hot = this.#hot
    const at = row * hotNumbers
    const newest = (hot[at + newestAt] ?? 0) - 1
    if (newest >= 0) {
      const slot = newest % ringSize
      this.#integers[row * rowIntegers + tagsAt + slot] = newest + 1
      this.#ring[row * ringSize + slot] = hot[at + amountAt] ?? 0
    }
    const amount = this.#isInRing(row, bucket) ? (this.#ring[row * ringSize + (bucket % ringSize)] ?? 0) : 0
    hot[at + newestAt] = bucket + 1
    hot[at + amountAt] = amount
    hot[at + sumAt] = this.#sum(row, bucket, span)
  }

  #change(row: number, bucket: number, span: number, difference: number): void {
    const hot = this.#hot
    const at = row * hotNumbers
    const newest = (hot[at + newestAt] ?? 0) - 1
    if (bucket === newest) {
      const held = hot[at + amountAt] ?? 0
      const changed = held + difference > 0 ? held + difference : 0
      hot[at + amountAt] = changed
      hot[at + sumAt] = (hot[at + sumAt] ?? 0) + changed - held
    } else if (this.#isInRing(row, bucket)) {
      const cell = row * ringSize + (bucket % ringSize)
      const held = this.#ring[cell] ?? 0
      const changed = held + difference > 0 ? held + difference : 0
      this.#ring[cell] = changed
      if (bucket <= newest && bucket >= newest - span)
        hot[at + sumAt] = (hot[at + sumAt] ?? 0) + changed - held
    }
  }

  #sum(row: number, current: number, span: number): number {
    let sum = 0
    for (let bucket = Math.max(0, current - span); bucket <= current; bucket++)
      sum += this.#amount(row, bucket)
    return sum
  }

  #amount(row: number, bucket: number): number {
    if (this.#newest(row) === bucket) return this.#hot[row * hotNumbers + amountAt] ?? 0
    return this.#isInRing(row, bucket) ? (this.#ring[row * ringSize + (bucket % ringSize)] ?? 0) : 0
  }

  /** @returns -1 if the row has no bucket */
  #newest(row: number): number {
    return (this.#hot[row * hotNumbers + newestAt] ?? 0) - 1
  }

  /** Whether a cell of the ring is in use for a bucket. */
  #isInRing(row: number, bucket: number): boolean {
    return this.#integers[row * rowIntegers + tagsAt + (bucket % ringSize)] === bucket + 1
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

  /** Rows of keys that differ only in their last line are looked for in the same group first. */
  #update(key: string): void {
    const end = key.lastIndexOf('\n')
    this.#hash.update(end < 0 ? key : key.slice(0, end))
    this.#start = ((this.#hash.low >>> 0) % this.#groups) * groupRows
    this.#hash.update(key)
    this.#high = this.#hash.high || 1
    this.#low = this.#hash.low
  }

  /** The row that the current key may have, if those before it belong to others. */
  #probe(at: number): number {
    return (this.#start + at) % this.rows
  }

  #isOf(row: number): boolean {
    return this.#integer(row, highAt) === this.#high && this.#integer(row, lowAt) === this.#low
  }

  /** Empties a row, then gives it to the current key. */
  #assign(row: number): void {
    const integers = this.#integers
    const start = row * rowIntegers
    this.#locks.lock(row >> groupBits)
    integers.fill(0, start + tagsAt, start + rowIntegers)
    this.#ring.fill(0, row * ringSize, (row + 1) * ringSize)
    this.#hot.fill(0, row * hotNumbers, (row + 1) * hotNumbers)
    integers[start + lowAt] = this.#low
    integers[start + highAt] = this.#high
    this.#locks.unlock(row >> groupBits)
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
