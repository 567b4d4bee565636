import { integers, records } from '../../kernel/cells/kinds.ts'
import type { RecordTable } from '../../kernel/cells/record-table.ts'
import { ownPlace, type TablePlace } from '../../kernel/cells/table-place.ts'

/** Int32 cells of one breaker. */
const cellsPerBreaker = 4
export const phaseCell = 0
export const requestFailuresCell = 1
export const probeFailuresCell = 2
/** 1 where the last opening was for want of a connection. */
export const sourceCell = 3

/** Monotonic milliseconds, but for `sinceMs`: epoch milliseconds of the last transition. */
export const breakerTimes = ['openedAtMs', 'trialAtMs', 'sinceMs'] as const

/** Cells of several breakers, shared between threads. */
export class BreakerTable {
  readonly rows: number
  /** This thread's number, which marks the trials that it holds. */
  readonly thread: number
  /** Times, and why the circuit is as it is. */
  readonly records: RecordTable<(typeof breakerTimes)[number]>
  readonly #cells: Int32Array

  constructor(rows: number, place: TablePlace = ownPlace()) {
    this.rows = rows
    this.thread = place.thread
    this.#cells = integers(rows * cellsPerBreaker)(place.part('cells'))
    this.records = records(breakerTimes, rows)(place.part('records'))
  }

  load(row: number, cell: number): number {
    return Atomics.load(this.#cells, row * cellsPerBreaker + cell)
  }

  store(row: number, cell: number, value: number): void {
    Atomics.store(this.#cells, row * cellsPerBreaker + cell, value)
  }

  /** @returns the new value */
  increment(row: number, cell: number): number {
    return Atomics.add(this.#cells, row * cellsPerBreaker + cell, 1) + 1
  }

  /** Puts a row back to where it began. */
  clear(row: number): void {
    for (let cell = 0; cell < cellsPerBreaker; cell++) this.store(row, cell, 0)
    for (const time of breakerTimes) this.records.setNumber(row, this.records.column(time), Number.NaN)
    this.records.setText(row, '')
  }

  /** @returns false where the cell was not `from` any more */
  swap(row: number, cell: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#cells, row * cellsPerBreaker + cell, from, to) === from
  }
}
