import { Cells64 } from './cells64.ts'
import { ownPlace, type TablePlace } from './table-place.ts'

/**
 * Gives each 64-bit key a row of its own, the same on all threads, in the order in which keys come. A row is
 * taken by one compare-and-swap of its key into the first empty cell and never given back, so no thread waits.
 *
 * Finding a key looks at every cell: callers keep what they have found.
 */
export class KeyTable {
  readonly capacity: number
  readonly #cells: Cells64

  constructor(capacity: number, place: TablePlace = ownPlace()) {
    this.capacity = capacity
    this.#cells = new Cells64(
      place.allocate({ kind: 'keys', rows: capacity }, capacity * BigInt64Array.BYTES_PER_ELEMENT),
      0,
      capacity,
    )
  }

  /**
   * @param high not 0, which is an empty cell
   * @returns undefined where all rows are taken
   */
  take(high: number, low: number): number | undefined {
    const cells = this.#cells
    for (let row = 0; row < this.capacity; row++) {
      const peeked = cells.peekHigh(row)
      if (peeked !== 0 && peeked !== high) continue
      const cell = cells.read(row)
      if (cells.high === 0) {
        if (cells.swap(row, cell, high, low)) return row
        // Another thread was faster; it may have been with the same key.
        cells.read(row)
      }
      if (cells.high === high && cells.low === low) return row
    }
    return undefined
  }

  /** How many rows are taken. */
  get size(): number {
    let size = 0
    while (size < this.capacity && this.#isTaken(size)) size++
    return size
  }

  /** Lower half of a row's key. */
  low(row: number): number {
    this.#cells.read(row)
    return this.#cells.low
  }

  #isTaken(row: number): boolean {
    this.#cells.read(row)
    return this.#cells.high !== 0
  }
}
