import { ownPlace, planeStride, type TablePlace } from './table-place.ts'

/**
 * Counts concurrent operations per row, exactly over all threads. Each thread also keeps its own share, so that what a
 * dead thread held can be released.
 */
export class Gauge {
  static readonly kind = 'gauge'
  readonly rows: number
  readonly #cells: Int32Array
  /** Distance from the sum to the first thread's share, and between the shares of threads. */
  readonly #stride: number
  /** Start of this thread's share. */
  readonly #own: number

  constructor(rows: number, place: TablePlace = ownPlace()) {
    this.rows = rows
    this.#stride = planeStride(rows, Int32Array.BYTES_PER_ELEMENT)
    const cells = (place.threads + 1) * this.#stride
    this.#cells = new Int32Array(
      place.allocate({ kind: Gauge.kind, rows }, cells * Int32Array.BYTES_PER_ELEMENT),
    )
    this.#own = (place.thread + 1) * this.#stride
  }

  value(row: number): number {
    return Atomics.load(this.#cells, row)
  }

  /** Over all rows. */
  total(): number {
    let total = 0
    for (let row = 0; row < this.rows; row++) total += this.value(row)
    return total
  }

  /**
   * Acquires `places` places if the row then holds no more than `limit` (0: unlimited; negative: none).
   * @returns false if the row does not have enough free places
   */
  acquire(row: number, limit = 0, places = 1): boolean {
    if (limit !== 0) {
      for (;;) {
        const current = Atomics.load(this.#cells, row)
        if (current + places > limit) return false
        if (Atomics.compareExchange(this.#cells, row, current, current + places) === current) break
      }
    } else {
      Atomics.add(this.#cells, row, places)
    }
    Atomics.add(this.#cells, this.#own + row, places)
    return true
  }

  release(row: number, places = 1): void {
    Atomics.sub(this.#cells, row, places)
    Atomics.sub(this.#cells, this.#own + row, places)
  }

  /** The places of one row that `thread` holds. */
  shareOf(thread: number, row: number): number {
    return Atomics.load(this.#cells, (thread + 1) * this.#stride + row)
  }

  /** Returns the places that `thread` holds, over all rows. */
  heldBy(thread: number): number {
    const plane = (thread + 1) * this.#stride
    let held = 0
    for (let row = 0; row < this.rows; row++) held += Math.max(0, Atomics.load(this.#cells, plane + row))
    return held
  }

  /** Releases everything that `thread` still holds, after that thread has ended. @returns the number of places */
  reclaim(thread: number): number {
    let reclaimed = 0
    const plane = (thread + 1) * this.#stride
    for (let row = 0; row < this.rows; row++) {
      const held = Atomics.exchange(this.#cells, plane + row, 0)
      if (held <= 0) continue
      Atomics.sub(this.#cells, row, held)
      reclaimed += held
    }
    return reclaimed
  }
}
