import { ownPlace, type TablePlace } from './table-place.ts'

/** Start time of this run of the gateway, the same on all its threads. */
export class RunMark {
  readonly #cells: BigInt64Array

  constructor(place: TablePlace = ownPlace()) {
    this.#cells = new BigInt64Array(
      place.allocate({ kind: 'run mark', rows: 1 }, BigInt64Array.BYTES_PER_ELEMENT),
    )
  }

  /**
   * @param nowMs epoch milliseconds
   * @returns the value of the thread that called first
   */
  begin(nowMs: number): number {
    const before = Atomics.compareExchange(this.#cells, 0, 0n, BigInt(Math.round(nowMs)))
    return before === 0n ? Math.round(nowMs) : Number(before)
  }
}
