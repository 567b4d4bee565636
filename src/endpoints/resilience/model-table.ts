import type { Cells64 } from '../../kernel/cells/cells64.ts'
import { KeyHash } from '../../kernel/cells/key-hash.ts'
import { cells64, integers, numbers, records } from '../../kernel/cells/kinds.ts'
import type { RecordTable } from '../../kernel/cells/record-table.ts'
import { ownPlace, type TablePlace } from '../../kernel/cells/table-place.ts'
import { BreakerTable } from './breaker-table.ts'

/** Names without a row that a thread remembers, so as not to look for them again. */
const maxFound = 10_000

/**
 * Rows for models on endpoints that something went wrong with: circuit, pause and penalty of each, the same on all
 * threads. A pair gets a row with its first failure; rows without relevant state are released when the table
 * is full. An endpoint without rows costs one read.
 */
export class ModelTable {
  readonly capacity: number
  readonly breakers: BreakerTable
  /** Monotonic milliseconds until which the model wants no requests there. */
  readonly pausedUntilMs: Float64Array
  /** See `FailurePenalties`. */
  readonly penalties: Float64Array
  readonly #keys: Cells64
  readonly #slots: Int32Array
  /** By endpoint: how many rows it has. */
  readonly #rowsOf: Int32Array
  /** One cell that counts up whenever a row is taken or given back. */
  readonly #version: Int32Array
  readonly #names: RecordTable<'usedAtMs'>
  readonly #usedAt: number
  readonly #hash = new KeyHash(Int32Array.of(0x1b873593, 0x5bd1e995))
  /** What this thread has found, by slot; -1 where there is no row. */
  #found: Map<string, number>[] = []
  #foundSize = 0
  #foundVersion = 0

  constructor(capacity: number, endpoints: number, place: TablePlace = ownPlace()) {
    this.capacity = capacity
    this.breakers = new BreakerTable(capacity, place.part('breakers'))
    this.pausedUntilMs = numbers(capacity)(place.part('pauses'))
    this.penalties = numbers(capacity)(place.part('penalties'))
    this.#keys = cells64(capacity)(place.part('keys'))
    this.#slots = integers(capacity)(place.part('slots'))
    this.#rowsOf = integers(endpoints)(place.part('rows-of'))
    this.#version = integers()(place.part('version'))
    this.#names = records(['usedAtMs'], capacity)(place.part('names'))
    this.#usedAt = this.#names.column('usedAtMs')
  }

  /** The row of a model on an endpoint; -1 where there is none. */
  find(slot: number, model: string): number {
    if (Atomics.load(this.#rowsOf, slot) === 0) return -1
    const version = Atomics.load(this.#version, 0)
    if (version !== this.#foundVersion || this.#foundSize > maxFound) {
      this.#found = []
      this.#foundSize = 0
      this.#foundVersion = version
    }
    const known = this.#found[slot]?.get(model)
    if (known !== undefined) return known
    const row = this.#scan(slot, model)
    this.#found[slot] ??= new Map()
    this.#found[slot].set(model, row)
    this.#foundSize++
    return row
  }

  /**
   * The row of a model on an endpoint, taken for it where it has none.
   * @param nowMs monotonic; the row is used now
   * @returns -1 where all rows are taken
   */
  take(slot: number, model: string, nowMs: number): number {
    let row = this.#scan(slot, model)
    for (let free = 0; row < 0 && free < this.capacity; free++) {
      if (this.#keys.peekHigh(free) !== 0) continue
      const cell = this.#keys.read(free)
      if (this.#keys.high !== 0) continue
      this.#hashOf(slot, model)
      if (!this.#keys.swap(free, cell, this.#hash.high || 1, this.#hash.low)) continue
      Atomics.store(this.#slots, free, slot)
      this.#names.setText(free, model)
      Atomics.add(this.#rowsOf, slot, 1)
      Atomics.add(this.#version, 0, 1)
      row = free
    }
    if (row >= 0) this.#names.setNumber(row, this.#usedAt, nowMs)
    return row
  }

  /** Gives a row back. Its circuit must be closed. */
  free(row: number): void {
    const cell = this.#keys.read(row)
    if (this.#keys.high === 0) return
    const slot = this.slot(row)
    this.breakers.clear(row)
    this.pausedUntilMs[row] = 0
    this.penalties[row] = 0
    if (!this.#keys.swap(row, cell, 0, 0)) return
    Atomics.sub(this.#rowsOf, slot, 1)
    Atomics.add(this.#version, 0, 1)
  }

  slot(row: number): number {
    return Atomics.load(this.#slots, row)
  }

  model(row: number): string {
    return this.#names.text(row)
  }

  /** Monotonic milliseconds of the last failure. */
  usedAtMs(row: number): number {
    return this.#names.number(row, this.#usedAt)
  }

  /** Rows of one endpoint, or of all. */
  rows(slot?: number): number[] {
    if (slot !== undefined && Atomics.load(this.#rowsOf, slot) === 0) return []
    const rows: number[] = []
    for (let row = 0; row < this.capacity; row++) {
      if (this.#keys.peekHigh(row) !== 0 && (slot === undefined || this.slot(row) === slot)) rows.push(row)
    }
    return rows
  }

  #scan(slot: number, model: string): number {
    this.#hashOf(slot, model)
    const { high, low } = this.#hash
    const wanted = high || 1
    for (let row = 0; row < this.capacity; row++) {
      if (this.#keys.peekHigh(row) !== wanted) continue
      this.#keys.read(row)
      if (this.#keys.high === wanted && this.#keys.low === low) return row
    }
    return -1
  }

  #hashOf(slot: number, model: string): void {
    this.#hash.update(`${slot}\n${model}`)
  }
}
