import type { CellKind } from '../../kernel/cells/layout.ts'
import { planeStride, type TablePlace } from '../../kernel/cells/table-place.ts'
import type { AmountRows } from './amount-cells.ts'

/** An amount that a request in progress has reserved. */
export interface OpenCharge {
  readonly row: number
  readonly bucket: number
  readonly amount: number
  /** Index of the window. */
  readonly window: number
}

/** Numbers of an entry: row + 1 (0 if it is free), bucket, amount, window, and the next entry of its list. */
const entrySize = 5
const [rowAt, bucketAt, amountAt, windowAt, nextAt] = [0, 1, 2, 3, 4] as const
/** Before the entries: how many of them were ever used. */
const headerSize = 1
/** Reservations of a thread at a time. Those beyond are not noted, and count as used if their thread ends. */
export const maxOpenCharges = 65_536

/** The index that ends a list. */
export const noCharge = 0

/**
 * What requests in progress have reserved of limits, by thread, so that it can be given back when a thread ends. Only
 * the thread itself writes its part while it runs. A request has a list of entries, and keeps the index of the first.
 */
export class OpenCharges {
  readonly threads: number
  readonly #cells: Float64Array
  readonly #stride: number
  /** Start of this thread's part. */
  readonly #own: number
  /** First free entry of those that were used. */
  #free = noCharge

  constructor(place: TablePlace) {
    this.threads = place.threads
    this.#stride = planeStride(headerSize + (maxOpenCharges + 1) * entrySize, Float64Array.BYTES_PER_ELEMENT)
    const bytes = place.threads * this.#stride * Float64Array.BYTES_PER_ELEMENT
    this.#cells = new Float64Array(place.allocate({ kind: 'open charges', rows: maxOpenCharges }, bytes))
    this.#own = place.thread * this.#stride
  }

  /**
   * Notes a reservation.
   * @param next the first entry of the request's list so far
   * @returns the first entry of the list
   */
  add(row: number, bucket: number, amount: number, window: number, next: number): number {
    const cells = this.#cells
    let entry = this.#free
    if (entry !== noCharge) this.#free = cells[this.#at(entry) + nextAt] ?? noCharge
    else {
      const used = cells[this.#own] ?? 0
      if (used >= maxOpenCharges) return next
      entry = used + 1
      cells[this.#own] = entry
    }
    const at = this.#at(entry)
    cells[at + bucketAt] = bucket
    cells[at + amountAt] = amount
    cells[at + windowAt] = window
    cells[at + nextAt] = next
    cells[at + rowAt] = row + 1
    return entry
  }

  /**
   * Notes what a request has reserved of several rows.
   * @param buckets -1 for a row that got nothing
   * @param windows index of each row's window; -1 for a row that is not noted
   * @returns the first entry of the list
   */
  addAll(
    { rows, amountsAt }: Pick<AmountRows, 'rows' | 'amountsAt'>,
    windows: Int32Array,
    buckets: Int32Array,
    amounts: Float64Array,
  ): number {
    let first = noCharge
    for (let at = 0; at < rows.length; at++) {
      const bucket = buckets[at] ?? -1
      const window = windows[at] ?? -1
      if (bucket < 0 || window < 0) continue
      first = this.add(rows[at] ?? 0, bucket, amounts[amountsAt[at] ?? 0] ?? 0, window, first)
    }
    return first
  }

  /** Whether a list is still there: another thread may have taken this one for ended, and given all of it back. */
  has(first: number): boolean {
    return first === noCharge || this.#cells[this.#at(first) + rowAt] !== 0
  }

  /** Removes the list of a request that is settled. */
  remove(first: number): void {
    const cells = this.#cells
    for (let entry = first; entry !== noCharge; ) {
      const at = this.#at(entry)
      const next = cells[at + nextAt] ?? noCharge
      cells[at + rowAt] = 0
      cells[at + nextAt] = this.#free
      this.#free = entry
      entry = next
    }
  }

  /** What a thread has reserved. While it runs, the last change may be missing. */
  *of(thread: number): Generator<OpenCharge, void, undefined> {
    const cells = this.#cells
    const start = thread * this.#stride
    const used = cells[start] ?? 0
    for (let entry = 1; entry <= used; entry++) {
      const at = start + headerSize + entry * entrySize
      const row = (cells[at + rowAt] ?? 0) - 1
      if (row < 0) continue
      yield {
        row,
        bucket: cells[at + bucketAt] ?? 0,
        amount: cells[at + amountAt] ?? 0,
        window: cells[at + windowAt] ?? 0,
      }
    }
  }

  /** Takes what a thread that has ended had reserved. */
  take(thread: number): OpenCharge[] {
    const taken = [...this.of(thread)]
    const start = thread * this.#stride
    const used = this.#cells[start] ?? 0
    this.#cells.fill(0, start, start + headerSize + (used + 1) * entrySize)
    return taken
  }

  #at(entry: number): number {
    return this.#own + headerSize + entry * entrySize
  }
}

export function openCharges(): CellKind<OpenCharges> {
  return (place) => new OpenCharges(place)
}
