import { ownPlace, type TablePlace } from './table-place.ts'

/** Rows that share a mark. */
const blockRows = 256

/** Marks of rows that one thread takes: it looks at a cell for 256 rows, and at rows only where one is marked. */
export class RowMarks {
  readonly #rows: Int32Array
  readonly #blocks: Int32Array

  constructor(rows: number, place: TablePlace = ownPlace()) {
    const blocks = Math.ceil(rows / blockRows)
    const bytes = (rows + blocks) * Int32Array.BYTES_PER_ELEMENT
    const memory = place.allocate({ kind: 'row marks', rows }, bytes)
    this.#rows = new Int32Array(memory, 0, rows)
    this.#blocks = new Int32Array(memory, rows * Int32Array.BYTES_PER_ELEMENT, blocks)
  }

  /** In this order, so that a reader, which takes marks in the other order, misses none. */
  mark(row: number): void {
    const block = Math.floor(row / blockRows)
    // A store locks the bus; a reader that has not begun with the block finds the mark that is there.
    if (Atomics.load(this.#rows, row) !== 0 && Atomics.load(this.#blocks, block) !== 0) return
    Atomics.store(this.#rows, row, 1)
    if (Atomics.load(this.#blocks, block) === 0) Atomics.store(this.#blocks, block, 1)
  }

  unmark(row: number): void {
    Atomics.store(this.#rows, row, 0)
  }

  /** Returns the marked rows, and removes their marks. */
  take(): number[] {
    const taken: number[] = []
    for (let block = 0; block < this.#blocks.length; block++) {
      if (this.#blocks[block] === 0 || Atomics.exchange(this.#blocks, block, 0) === 0) continue
      const end = Math.min(this.#rows.length, (block + 1) * blockRows)
      for (let row = block * blockRows; row < end; row++)
        if (Atomics.exchange(this.#rows, row, 0) !== 0) taken.push(row)
    }
    return taken
  }
}
