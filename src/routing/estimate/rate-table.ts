import type { Cells64 } from '../../kernel/cells/cells64.ts'
import { KeyHash } from '../../kernel/cells/key-hash.ts'
import { cells64, integers, numbers } from '../../kernel/cells/kinds.ts'
import { RowLocks } from '../../kernel/cells/row-locks.ts'
import { ownPlace, type TablePlace } from '../../kernel/cells/table-place.ts'
import { fitWidth } from './rate-fit.ts'

/** Cells of a row: the fit, then what is averaged. 0 is unknown. */
export const rateCells = {
  fit: 0,
  /** Tokens of a usual request: of its prompt that are not cached, and of its answer. */
  promptTokens: fitWidth,
  answerTokens: fitWidth + 1,
  /** Time to the first token of a usual request, and how long one stays at the endpoint. */
  firstMs: fitWidth + 2,
  totalMs: fitWidth + 3,
  tokensPerByte: fitWidth + 4,
  /** Time per generated token. */
  decodeMs: fitWidth + 5,
  loadMs: fitWidth + 6,
  /** Monotonic time until which the model loads, as far as known. */
  loadingUntilMs: fitWidth + 7,
  /** Samples so far. */
  count: fitWidth + 8,
  /** Monotonic time of the last use of the row. */
  usedAtMs: fitWidth + 9,
  /** Its endpoint's; -1 for none. */
  slot: fitWidth + 10,
  /** Part of the tokens believed to be cached that were. */
  cachedShare: fitWidth + 11,
  /** As `loadMs`, while the endpoint is busy with other requests: a model may have to wait until others are idle. */
  busyLoadMs: fitWidth + 12,
} as const

const width = fitWidth + 13

/** Rows that belong to no endpoint: a model or a type on all of them. */
export const ofNoEndpoint = -1

/** Rows that a key may have. */
const maxWays = 16
/** Names that a thread remembers with their rows. */
const maxFound = 10_000

/**
 * Rows of learned rates, the same on all threads. A row is taken with the first sample; if all that a name may have are
 * taken, the one that was used longest ago is taken over. Readers take no lock: they may see a row that is being changed.
 */
export class RateTable {
  readonly capacity: number
  readonly cells: Float64Array
  readonly #keys: Cells64
  /** Slot of each row plus 1; 0 for no endpoint. */
  readonly #slots: Int32Array
  readonly #version: Int32Array
  readonly #locks: RowLocks
  readonly #ways: number
  readonly #hash = new KeyHash(Int32Array.of(0x2f6b1d35, 0x1c69b3f7))
  /** What this thread has found, by slot plus 1; -1 where there is no row. */
  #found: (Map<string, number> | undefined)[] = []
  #foundSize = 0
  #foundVersion = 0

  constructor(capacity: number, place: TablePlace = ownPlace()) {
    this.capacity = capacity
    this.#ways = Math.min(capacity, maxWays)
    this.cells = numbers(capacity * width)(place.part('cells'))
    this.#keys = cells64(capacity)(place.part('keys'))
    this.#slots = integers(capacity)(place.part('slots'))
    this.#version = integers()(place.part('version'))
    this.#locks = new RowLocks(capacity, place.part('locks'))
  }

  /** Changes whenever a row is taken or given back. */
  get version(): number {
    return Atomics.load(this.#version, 0)
  }

  /** Rows in use. */
  get size(): number {
    let size = 0
    for (let row = 0; row < this.capacity; row++) if (this.#keys.peekHigh(row) !== 0) size++
    return size
  }

  /** First cell of a row. */
  start(row: number): number {
    return row * width
  }

  /** Slot of the endpoint whose row begins at a cell. */
  slotAt(start: number): number {
    return Atomics.load(this.#slots, start / width) - 1
  }

  /** @returns -1 if there is no row */
  find(slot: number, name: string): number {
    const { version } = this
    if (version !== this.#foundVersion || this.#foundSize > maxFound) {
      this.#found = []
      this.#foundSize = 0
      this.#foundVersion = version
    }
    let names = this.#found[slot + 1]
    const known = names?.get(name)
    if (known !== undefined) return known
    if (names === undefined) {
      names = new Map()
      this.#found[slot + 1] = names
    }
    const row = this.#search(keyOf(slot, name))
    names.set(name, row)
    this.#foundSize++
    return row
  }

  /** The row of a name, taken for it if necessary. @param nowMs monotonic; the row is used now */
  take(slot: number, name: string, nowMs: number): number {
    let row = this.find(slot, name)
    if (row < 0) row = this.#takeNew(keyOf(slot, name), slot)
    this.cells[this.start(row) + rateCells.usedAtMs] = nowMs
    return row
  }

  /** What threads remember of the rows may be outdated. */
  changed(): void {
    Atomics.add(this.#version, 0, 1)
  }

  /** For a short change of a row that neither allocates much nor throws. */
  lock(row: number): void {
    this.#locks.lock(row)
  }

  unlock(row: number): void {
    this.#locks.unlock(row)
  }

  /** Forgets what was learned of an endpoint. */
  clear(slot: number): void {
    for (let row = 0; row < this.capacity; row++) {
      if (Atomics.load(this.#slots, row) === slot + 1 && this.#keys.peekHigh(row) !== 0) this.#free(row)
    }
  }

  #takeNew(key: string, slot: number): number {
    for (;;) {
      this.#hash.update(key)
      const high = this.#hash.high || 1
      const { low } = this.#hash
      const row = this.#rowToTake(low)
      const cell = this.#keys.read(row)
      if (this.#keys.high !== 0) {
        this.#free(row)
        continue
      }
      if (!this.#keys.swap(row, cell, high, low)) continue
      this.cells.fill(0, this.start(row), this.start(row) + width)
      this.cells[this.start(row) + rateCells.slot] = slot
      Atomics.store(this.#slots, row, slot + 1)
      this.changed()
      return row
    }
  }

  /** Of the rows that a key may have, one without a key, else the one that was used longest ago. */
  #rowToTake(low: number): number {
    let oldest = 0
    let oldestMs = Number.POSITIVE_INFINITY
    for (let way = 0; way < this.#ways; way++) {
      const row = this.#rowOf(low, way)
      if (this.#keys.peekHigh(row) === 0) return row
      const usedMs = this.cells[this.start(row) + rateCells.usedAtMs] ?? 0
      if (usedMs < oldestMs) {
        oldest = row
        oldestMs = usedMs
      }
    }
    return oldest
  }

  #free(row: number): void {
    const cell = this.#keys.read(row)
    if (this.#keys.high === 0 || !this.#keys.swap(row, cell, 0, 0)) return
    this.changed()
  }

  #search(key: string): number {
    this.#hash.update(key)
    const { low } = this.#hash
    const high = this.#hash.high || 1
    for (let way = 0; way < this.#ways; way++) {
      const row = this.#rowOf(low, way)
      if (this.#keys.peekHigh(row) !== high) continue
      this.#keys.read(row)
      if (this.#keys.high === high && this.#keys.low === low) return row
    }
    return -1
  }

  #rowOf(low: number, way: number): number {
    return ((low >>> 0) + way) % this.capacity
  }
}

function keyOf(slot: number, name: string): string {
  return `${slot}\n${name}`
}
