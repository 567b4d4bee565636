import { Cells64 } from './cells64.ts'
import { ownPlace, type TablePlace } from './table-place.ts'

/**
 * Assigns each 64-bit key its own row, the same on all threads, in order of first use. A thread takes a row with one
 * compare-and-swap of the key into the first empty cell and never gives it back, so no thread waits.
 *
 * Finding a key scans all cells: callers cache the result.
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
   * @param high not 0, which marks an empty cell
   * @returns undefined if all rows are taken
   */
  take(high: number, low: number): number | undefined {
    const cells = this.#cells
    for (let row = 0; row < this.capacity; row++) {
      const peeked = cells.peekHigh(row)
      if (peeked !== 0 && peeked !== high) continue
      const cell = cells.read(row)
      if (cells.high === 0) {
        if (cells.swap(row, cell, high, low)) return row
        // Another thread took the cell first, perhaps for the same key.
        cells.read(row)
      }
      if (cells.high === high && cells.low === low) return row
    }
    return undefined
  }

  /** Number of rows taken. */
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
