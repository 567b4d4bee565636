import { planeStride, type TablePlace } from './table-place.ts'

/** A row of numbers per thread, which that thread alone writes; reset to 0 when the thread ends. */
export class ThreadRows {
  static readonly kind = 'row per thread'
  readonly #cells: Float64Array
  readonly #stride: number

  constructor(columns: number, { threads, allocate }: TablePlace) {
    this.#stride = planeStride(columns, Float64Array.BYTES_PER_ELEMENT)
    const cells = threads * this.#stride
    this.#cells = new Float64Array(
      allocate({ kind: ThreadRows.kind, rows: columns }, cells * Float64Array.BYTES_PER_ELEMENT),
    )
  }

  get(thread: number, column: number): number {
    return this.#cells[thread * this.#stride + column] ?? 0
  }

  set(thread: number, column: number, value: number): void {
    this.#cells[thread * this.#stride + column] = value
  }

  reclaim(thread: number): void {
    this.#cells.fill(0, thread * this.#stride, (thread + 1) * this.#stride)
  }
}
