import { KeyHash } from './key-hash.ts'
import { KeyTable } from './key-table.ts'
import { RecordTable } from './record-table.ts'
import { ownPlace, type TablePlace } from './table-place.ts'

/** Keys without a row that a thread remembers, to avoid searching for them again. */
const maxRefused = 10_000

/** Rows that one thread has found in a key table. */
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
      // Rows are never given back: a key without a row now never gets one.
      if (this.#refused.size >= maxRefused) this.#refused.clear()
      this.#refused.add(key)
    }
    return row
  }
}

/** Assigns each number (32 bits, from 0) its own row on all threads, while rows are available. */
export class NumberRows {
  readonly #table: KeyTable
  readonly #found: FoundRows<number>

  constructor(capacity: number, place: TablePlace = ownPlace()) {
    this.#table = new KeyTable(capacity, place)
    // Vary the upper half too: the table compares it first to distinguish keys.
    this.#found = new FoundRows((key) => this.#table.take(key + 1, key))
  }

  /** @returns undefined if all rows are taken */
  take(key: number): number | undefined {
    return this.#found.take(key)
  }

  /** Keys in order of first use, each with its row. */
  entries(): [number, number][] {
    return Array.from({ length: this.#table.size }, (_, row) => [this.#table.low(row), row])
  }
}

/** The same for strings; only the first 248 bytes of a longer one are ever shown. */
export class NameRows {
  readonly capacity: number
  readonly #table: KeyTable
  readonly #names: RecordTable<never>
  readonly #found: FoundRows<string>
  // Names come from the endpoints' lists, not from clients: no client can choose colliding ones.
  readonly #hash = new KeyHash(Int32Array.of(0x2c1b3c6d, 0x297a2d39))

  constructor(capacity: number, place: TablePlace = ownPlace()) {
    this.capacity = capacity
    this.#table = new KeyTable(capacity, place.part('keys'))
    this.#names = new RecordTable([], capacity, place.part('texts'))
    this.#found = new FoundRows((key) => this.#take(key))
  }

  /** Returns the row of a name that this thread has taken before. */
  known(name: string): number | undefined {
    return this.#found.known(name)
  }

  /** @returns undefined if all rows are taken */
  take(name: string): number | undefined {
    return this.#found.take(name)
  }

  /** Names in order of first use, each with its row. */
  entries(): [string, number][] {
    const rows = Array.from({ length: this.#table.size }, (_, row): [string, number] => [
      this.#names.text(row),
      row,
    ])
    // A row that another thread has just taken gets its name a moment later.
    return rows.filter(([name]) => name !== '')
  }

  #take(name: string): number | undefined {
    this.#hash.update(name)
    const row = this.#table.take(this.#hash.high || 1, this.#hash.low)
    // A thread that finds a row without its name writes it: the thread that took the row may have died since.
    if (row !== undefined && this.#names.text(row) === '') this.#names.setText(row, name)
    return row
  }
}
