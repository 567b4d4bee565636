import type { NameRows } from '../../kernel/cells/rows.ts'

/** Label for all names without their own row. */
export const otherModels = '(other)'

/**
 * Rows of the model counters. A client can send any name, so only names in the catalog get a row; all others, and those
 * that find every row taken, share the last.
 */
export class ModelRows {
  readonly #rows: NameRows
  readonly #knownName: (name: string) => string | undefined
  readonly #shared: number

  /**
   * @param rows all except the shared one
   * @param knownName returns the catalog's spelling of a requested name; undefined if unknown
   */
  constructor(rows: NameRows, knownName: (name: string) => string | undefined) {
    this.#rows = rows
    this.#shared = rows.capacity
    this.#knownName = knownName
  }

  rowOf(name: string): number {
    const row = this.#rows.known(name)
    if (row !== undefined) return row
    const known = this.#knownName(name)
    return known === undefined ? this.#shared : (this.#rows.take(known) ?? this.#shared)
  }

  /** All rows with their names, the shared one last. */
  *entries(): IterableIterator<[string, number]> {
    yield* this.#rows.entries()
    yield [otherModels, this.#shared]
  }
}
