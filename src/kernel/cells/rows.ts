import { KeyHash } from './key-hash.ts'
import { KeyTable } from './key-table.ts'
import { RecordTable } from './record-table.ts'
import { ownPlace, type TablePlace } from './table-place.ts'

/** Keys without a row that a thread remembers, so as not to look for them again. */
const mostRefused = 10_000

/** What one thread has found of a key table. */
class FoundRows<Key> {
  readonly #find: (key: Key) => number | undefined
  readonly #rows = new Map<Key, number>()
  readonly #refused = new Set<Key>()

  constructor(find: (key: Key) => number | undefined) {
    this.#find = find
  }

  known(key: Key): number | undefined {
    return this.#rows.get(key)
  }

  take(key: Key): number | undefined {
    const known = this.#rows.get(key)
    if (known !== undefined || this.#refused.has(key)) return known
    const row = this.#find(key)
    if (row !== undefined) {
      this.#rows.set(key, row)
    } else {
      // Rows are never given back: without one now is without one for ever.
      if (this.#refused.size >= mostRefused) this.#refused.clear()
      this.#refused.add(key)
    }
    return row
  }
}

/** Gives each number (32 bits, from 0) a row of its own on all threads, as long as there are any. */
export class NumberRows {
  readonly #table: KeyTable
  readonly #found: FoundRows<number>

  constructor(capacity: number, place: TablePlace = ownPlace()) {
    this.#table = new KeyTable(capacity, place)
    // The upper half differs as well: it is what tells keys apart at a glance.
    this.#found = new FoundRows((key) => this.#table.take(key + 1, key))
  }

  /** @returns undefined where all rows are taken */
  take(key: number): number | undefined {
    return this.#found.take(key)
  }

  /** Keys in the order in which they came, each with its row. */
  entries(): [number, number][] {
    return Array.from({ length: this.#table.size }, (_, row) => [this.#table.low(row), row])
  }
}

/** The same for texts; of one longer than 248 bytes, only the beginning is ever shown. */
export class NameRows {
  readonly capacity: number
  readonly #table: KeyTable
  readonly #names: RecordTable<never>
  readonly #found: FoundRows<string>
  // Names come from the endpoints' lists, not from clients: no client can choose them so that they collide.
  readonly #hash = new KeyHash(Int32Array.of(0x2c1b3c6d, 0x297a2d39))

  constructor(capacity: number, place: TablePlace = ownPlace()) {
    this.capacity = capacity
    this.#table = new KeyTable(capacity, place.part('keys'))
    this.#names = new RecordTable([], capacity, place.part('texts'))
    this.#found = new FoundRows((key) => this.#take(key))
  }

  /** The row of a name that this thread has taken before. */
  known(name: string): number | undefined {
    return this.#found.known(name)
  }

  /** @returns undefined where all rows are taken */
  take(name: string): number | undefined {
    return this.#found.take(name)
  }

  /** Names in the order in which they came, each with its row. */
  entries(): [string, number][] {
    const rows = Array.from({ length: this.#table.size }, (_, row): [string, number] => [
      this.#names.text(row),
      row,
    ])
    // A row that has just been taken gets its name in the next moment.
    return rows.filter(([name]) => name !== '')
  }

  #take(name: string): number | undefined {
    this.#hash.update(name)
    const row = this.#table.take(this.#hash.high || 1, this.#hash.low)
    // A thread that finds a row without its name writes it: the thread that took it may have died since.
    if (row !== undefined && this.#names.text(row) === '') this.#names.setText(row, name)
    return row
  }
}
