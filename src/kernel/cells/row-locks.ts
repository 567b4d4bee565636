import { ownPlace, type TablePlace } from './table-place.ts'

/** Attempts before a thread sleeps: a lock is held for less than a microsecond. */
const spins = 100
const sleepMs = 1
/** A thread that was ended while it held a lock is normally noticed long before. */
const maxSleeps = 2_000
const sleepCell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))

/**
 * Locks over all threads, one per row, for changes of several cells that are short and neither allocate nor throw. When a
 * thread ends, its locks are released.
 */
export class RowLocks {
  static readonly kind = 'row locks'
  readonly rows: number
  readonly #cells: Int32Array
  /** What the cell of a lock contains while this thread holds it. */
  readonly #own: number
  /** Without another thread nothing has to be locked. */
  readonly #isAlone: boolean

  constructor(rows: number, place: TablePlace = ownPlace()) {
    this.rows = rows
    this.#own = place.thread + 1
    this.#isAlone = place.threads === 1
    this.#cells = new Int32Array(
      place.allocate({ kind: RowLocks.kind, rows }, rows * Int32Array.BYTES_PER_ELEMENT),
    )
  }

  lock(row: number): void {
    if (!this.#isAlone && Atomics.compareExchange(this.#cells, row, 0, this.#own) !== 0) this.#wait(row)
  }

  unlock(row: number): void {
    if (!this.#isAlone) Atomics.store(this.#cells, row, 0)
  }

  /** Releases the locks of a thread that has ended. */
  reclaim(thread: number): void {
    for (let row = 0; row < this.rows; row++) Atomics.compareExchange(this.#cells, row, thread + 1, 0)
  }

  #wait(row: number): void {
    for (let tries = 0; tries < spins + maxSleeps; tries++) {
      if (Atomics.compareExchange(this.#cells, row, 0, this.#own) === 0) return
      if (tries >= spins) Atomics.wait(sleepCell, 0, 0, sleepMs)
    }
    Atomics.store(this.#cells, row, this.#own)
  }
}
