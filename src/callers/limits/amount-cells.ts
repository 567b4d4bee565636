import { Cells64 } from '../../kernel/cells/cells64.ts'
import { KeyHash } from '../../kernel/cells/key-hash.ts'
import type { CellKind } from '../../kernel/cells/layout.ts'
import type { TablePlace } from '../../kernel/cells/table-place.ts'

/** Buckets of a row. They follow the cell with the row's key. */
export const ringSize = 15
const rowCells = ringSize + 1
const headerBytes = 8
const lowerRange = 2 ** 32

/** Rows of amounts by key. A row has one cell per bucket, found by the bucket's number. */
export class AmountCells {
  readonly rows: number
  readonly #cells: Cells64
  readonly #hash: KeyHash
  /** What the cell read last contains. */
  tag = 0
  isClosed = false
  amount = 0

  constructor(rows: number, place: TablePlace) {
    this.rows = rows
    const bytes = headerBytes + rows * rowCells * BigInt64Array.BYTES_PER_ELEMENT
    const memory = place.allocate({ kind: 'amounts', rows }, bytes, { randomBytes: headerBytes })
    this.#hash = new KeyHash(new Int32Array(memory, 0, 2))
    this.#cells = new Cells64(memory, headerBytes, rows * rowCells)
  }

  /**
   * Finds the row of a key.
   * @param takes whether a key without a row gets one
   * @returns undefined if it has none, or if all rows are taken
   */
  row(key: string, takes: boolean): number | undefined {
    const cells = this.#cells
    this.#hash.update(key)
    const high = this.#hash.high || 1
    const { low } = this.#hash
    let row = (low >>> 0) % this.rows
    for (let tries = 0; tries < this.rows; tries++) {
      const at = row * rowCells
      const cell = cells.read(at)
      if (cells.high === high && cells.low === low) return row
      if (cells.high === 0) {
        if (!takes) return undefined
        if (cells.swap(at, cell, high, low)) return row
        // Another thread took it first, perhaps for the same key.
        cells.read(at)
        if (cells.high === high && cells.low === low) return row
      }
      row = row + 1 === this.rows ? 0 : row + 1
    }
    return undefined
  }

  /** @returns the cell, as `write` expects it; what it contains is in `tag`, `isClosed` and `amount` */
  read(row: number, bucket: number, tagBits: number): bigint {
    const cells = this.#cells
    const cell = cells.read(row * rowCells + 1 + (bucket % ringSize))
    const { high } = cells
    const amountBits = 31 - tagBits
    this.tag = high >>> (32 - tagBits)
    this.isClosed = ((high >>> amountBits) & 1) === 1
    this.amount = (high & (2 ** amountBits - 1)) * lowerRange + (cells.low >>> 0)
    return cell
  }

  /** @returns false if the cell no longer holds `cell`; it is then unchanged */
  write(
    row: number,
    bucket: number,
    tagBits: number,
    cell: bigint,
    tag: number,
    isClosed: boolean,
    amount: number,
  ): boolean {
    const amountBits = 31 - tagBits
    const held = Math.min(Math.max(0, amount), 2 ** (amountBits + 32) - 1)
    const upper = Math.floor(held / lowerRange)
    const high = (tag << (32 - tagBits)) | (isClosed ? 1 << amountBits : 0) | upper
    return this.#cells.swap(row * rowCells + 1 + (bucket % ringSize), cell, high, held | 0)
  }
}

export function amountCells(rows: number): CellKind<AmountCells> {
  return (place) => new AmountCells(rows, place)
}
