import { ownPlace, type TablePlace } from './table-place.ts'

/** Maximum length of a text in bytes of UTF-8; longer texts are truncated. */
const textBytes = 248
/** Int32 cells before a text: its version, odd during a write, and its length in bytes. */
const textHeaderCells = 2
const textRowBytes = textHeaderCells * Int32Array.BYTES_PER_ELEMENT + textBytes

/** Reads of a text that another thread is writing before the reader gives up. */
const maxReads = 1_000

/**
 * A writer that takes longer has died. On a busy machine the scheduler may suspend a live writer for some milliseconds,
 * and its bytes must not mix with another writer's.
 */
const writerTimeoutMs = 250

/**
 * Last value seen per row: some numbers and a text, in memory that all threads read without waiting. If threads write
 * the same cell at the same time, the last write wins.
 */
export class RecordTable<Column extends string> {
  readonly #columns: readonly Column[]
  readonly #numbers: Float64Array
  readonly #textCells: Int32Array
  readonly #textBytes: Uint8Array

  constructor(columns: readonly Column[], rows: number, place: TablePlace = ownPlace()) {
    const numberBytes = rows * columns.length * Float64Array.BYTES_PER_ELEMENT
    const bytes = numberBytes + rows * textRowBytes
    const start = { unknownNumbers: rows * columns.length }
    const buffer = place.allocate({ kind: 'records', rows, columns }, bytes, start)
    this.#columns = columns
    this.#numbers = new Float64Array(buffer, 0, rows * columns.length)
    this.#textCells = new Int32Array(buffer, numberBytes)
    this.#textBytes = new Uint8Array(buffer, numberBytes)
  }

  /** Returns the index to pass as `column` below; resolve it once, at construction. */
  column(name: Column): number {
    return this.#columns.indexOf(name)
  }

  /** Returns NaN if nothing was written. */
  number(row: number, column: number): number {
    return this.#numbers[row * this.#columns.length + column] ?? Number.NaN
  }

  setNumber(row: number, column: number, value: number): void {
    this.#numbers[row * this.#columns.length + column] = value
  }

  /** Resets a row to its start. */
  clearRow(row: number): void {
    for (let column = 0; column < this.#columns.length; column++) this.setNumber(row, column, Number.NaN)
    this.setText(row, '')
  }

  /** Returns '' if nothing was written. */
  text(row: number): string {
    const header = row * (textRowBytes / Int32Array.BYTES_PER_ELEMENT)
    const start = row * textRowBytes + textHeaderCells * Int32Array.BYTES_PER_ELEMENT
    for (let reads = 0; reads < maxReads; reads++) {
      const version = Atomics.load(this.#textCells, header)
      if (version % 2 !== 0) continue
      const length = this.#textCells[header + 1] ?? 0
      // Copy first: decoding takes longer, and another thread may write in the meantime.
      const bytes = this.#textBytes.slice(start, start + length)
      if (Atomics.load(this.#textCells, header) === version) return new TextDecoder().decode(bytes)
    }
    return ''
  }

  setText(row: number, text: string): void {
    const header = row * (textRowBytes / Int32Array.BYTES_PER_ELEMENT)
    const start = row * textRowBytes + textHeaderCells * Int32Array.BYTES_PER_ELEMENT
    for (;;) {
      const version = Atomics.load(this.#textCells, header)
      const isTaken = version % 2 !== 0
      if (isTaken && Atomics.wait(this.#textCells, header, version, writerTimeoutMs) !== 'timed-out') continue
      const odd = (isTaken ? version + 2 : version + 1) | 0
      if (Atomics.compareExchange(this.#textCells, header, version, odd) !== version) continue
      const { written } = new TextEncoder().encodeInto(
        text,
        this.#textBytes.subarray(start, start + textBytes),
      )
      this.#textCells[header + 1] = written
      Atomics.store(this.#textCells, header, (odd + 1) | 0)
      Atomics.notify(this.#textCells, header)
      return
    }
  }
}
