import { ownPlace, planeStride, type TablePlace } from './table-place.ts'

/** Column indexes by name, resolved once. */
export type Columns<Column extends string> = Readonly<Record<Column, number>>

export function columnsOf<Column extends string>(table: CounterTable<Column>): Columns<Column> {
  const entries = table.columns.map((column) => [column, table.column(column)] as const)
  return Object.fromEntries(entries) as Record<Column, number>
}

/**
 * Counters for many rows (endpoints, models), shared between threads without locks: each thread writes only its own
 * plane, so plain additions lose nothing, and a reader sums the planes. A value is one aligned 64-bit float: exact up
 * to 2^53.
 */
export class CounterTable<Column extends string> {
  readonly columns: readonly Column[]
  readonly rows: number
  readonly threads: number
  readonly #cells: Float64Array
  /** Start of this thread's plane. */
  readonly #plane: number
  /** Distance between planes. */
  readonly #stride: number
  readonly #index: ReadonlyMap<Column, number>

  constructor(columns: readonly Column[], rows: number, place: TablePlace = ownPlace()) {
    this.columns = columns
    this.rows = rows
    this.threads = place.threads
    this.#index = new Map(columns.map((column, index) => [column, index]))
    this.#stride = planeStride(rows * columns.length, Float64Array.BYTES_PER_ELEMENT)
    this.#plane = this.#stride * place.thread
    const cells = this.threads * this.#stride
    this.#cells = new Float64Array(
      place.allocate({ kind: 'counters', rows, columns }, cells * Float64Array.BYTES_PER_ELEMENT),
    )
  }

  /** Returns the index to pass as `column` below; resolve it once, at construction. */
  column(name: Column): number {
    const index = this.#index.get(name)
    if (index === undefined) throw new RangeError(`no counter ${name}`)
    return index
  }

  add(row: number, column: number, amount: number): void {
    const at = this.#plane + row * this.columns.length + column
    this.#cells[at] = (this.#cells[at] ?? 0) + amount
  }

  /** Keeps the maximum. */
  recordMax(row: number, column: number, value: number): void {
    const at = this.#plane + row * this.columns.length + column
    if (value > (this.#cells[at] ?? 0)) this.#cells[at] = value
  }

  /** Keeps the minimum; 0 means no value yet, so a value of 0 is stored as the smallest number above it. */
  recordMin(row: number, column: number, value: number): void {
    const at = this.#plane + row * this.columns.length + column
    const current = this.#cells[at] ?? 0
    if (current === 0 || value < current) this.#cells[at] = Math.max(value, Number.MIN_VALUE)
  }

  /** Resets a counter to 0; a thread that adds to it at the same moment may undo that for its own plane. */
  clear(row: number, column: number): void {
    for (let thread = 0; thread < this.threads; thread++) {
      this.#cells[thread * this.#stride + row * this.columns.length + column] = 0
    }
  }

  /** Resets all counters of a row to 0, like `clear`. */
  clearRow(row: number): void {
    for (let column = 0; column < this.columns.length; column++) this.clear(row, column)
  }

  /** Clears the plane of a thread that has ended: for counters of current state, not of history. */
  forget(thread: number): void {
    this.#cells.fill(0, thread * this.#stride, (thread + 1) * this.#stride)
  }

  sum(row: number, column: number): number {
    let total = 0
    for (let thread = 0; thread < this.threads; thread++) total += this.#read(thread, row, column)
    return total
  }

  maximum(row: number, column: number): number {
    let maximum = 0
    for (let thread = 0; thread < this.threads; thread++) {
      maximum = Math.max(maximum, this.#read(thread, row, column))
    }
    return maximum
  }

  /** Returns the minimum over all threads; 0 if there is no value. */
  minimum(row: number, column: number): number {
    let minimum = 0
    for (let thread = 0; thread < this.threads; thread++) {
      const value = this.#read(thread, row, column)
      if (value !== 0 && (minimum === 0 || value < minimum)) minimum = value
    }
    return minimum === Number.MIN_VALUE ? 0 : minimum
  }

  #read(thread: number, row: number, column: number): number {
    return this.#cells[thread * this.#stride + row * this.columns.length + column] ?? 0
  }
}
