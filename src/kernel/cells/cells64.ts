/**
 * 64-bit cells in shared memory, read and swapped whole but seen as two 32-bit halves: what belongs together
 * changes together. `high` and `low` hold the halves of the last cell that was read.
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

  /** The upper half alone, to pass over cells cheaply; `read` before believing the lower one. */
  peekHigh(at: number): number {
    return this.#halves[at * 2] ?? 0
  }

  /** @returns the cell as `swap` wants it */
  read(at: number): bigint {
    const cell = Atomics.load(this.#cells, at)
    this.#scratch[0] = cell
    this.high = this.#scratchHalves[0] ?? 0
    this.low = this.#scratchHalves[1] ?? 0
    return cell
  }

  /** @returns false where the cell is not `expected` any more; it is as it was then */
  swap(at: number, expected: bigint, high: number, low: number): boolean {
    this.#scratchHalves[0] = high
    this.#scratchHalves[1] = low
    return Atomics.compareExchange(this.#cells, at, expected, this.#scratch[0] ?? 0n) === expected
  }
}
