import { ownPlace, planeStride, type TablePlace } from './table-place.ts'

/**
 * How many of something are going on, per row, exact over all threads. Each thread also keeps its own part,
 * so that what a dead thread held can be given back.
 */
export class Gauge {
  static readonly kind = 'gauge'
  readonly rows: number
  readonly #cells: Int32Array
  /** From the sum to the first thread's part, and from one thread's to the next. */
  readonly #stride: number
  /** Where the own part begins. */
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
   * Takes one place, or several together, if no more than `limit` are taken then (0: no limit).
   * @returns false where the row has no room for them
   */
  acquire(row: number, limit = 0, places = 1): boolean {
    if (limit > 0) {
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

  /** How much `thread` holds, over all rows. */
  heldBy(thread: number): number {
    const plane = (thread + 1) * this.#stride
    let held = 0
    for (let row = 0; row < this.rows; row++) held += Math.max(0, Atomics.load(this.#cells, plane + row))
    return held
  }

  /** Gives back all that `thread` still holds, once that thread has ended. @returns how much it was */
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
