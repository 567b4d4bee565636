/**
 * 64-bit cells in shared memory, read and swapped atomically but accessed as two 32-bit halves, so that related values
 * change together. `high` and `low` hold the halves of the cell read last.
 */
export class Cells64 {
  readonly #cells: BigInt64Array
  readonly #halves: Int32Array
  readonly #scratch = new BigInt64Array(1)
  readonly #scratchHalves: Int32Array
  high = 0
  low = 0

  /** @param offset in bytes, a multiple of 8 */
  constructor(buffer: SharedArrayBuffer, offset: number, length: number) {
    this.#cells = new BigInt64Array(buffer, offset, length)
    this.#halves = new Int32Array(buffer, offset, length * 2)
    this.#scratchHalves = new Int32Array(this.#scratch.buffer)
  }

  get length(): number {
    return this.#cells.length
  }

  /** Returns only the upper half, to skip cells cheaply; call `read` before relying on the lower one. */
  peekHigh(at: number): number {
    return this.#halves[at * 2] ?? 0
  }

  /** @returns the cell, as `swap` expects it */
  read(at: number): bigint {
    const cell = Atomics.load(this.#cells, at)
    this.#scratch[0] = cell
    this.high = this.#scratchHalves[0] ?? 0
    this.low = this.#scratchHalves[1] ?? 0
    return cell
  }

  /** @returns false if the cell no longer holds `expected`; the cell is then unchanged */
  swap(at: number, expected: bigint, high: number, low: number): boolean {
    this.#scratchHalves[0] = high
    this.#scratchHalves[1] = low
    return Atomics.compareExchange(this.#cells, at, expected, this.#scratch[0] ?? 0n) === expected
  }
}
