import type { NameRows } from '../../kernel/cells/rows.ts'

/** Shown in place of all names without a row of their own. */
export const otherModels = '(other)'

/**
 * Rows of the model counters. A client can ask for any name, so only those that the catalogue knows take a
 * row; all others, and those that come when every row is taken, share the last.
 */
export class ModelRows {
  readonly #rows: NameRows
  readonly #knownName: (name: string) => string | undefined
  readonly #shared: number

  /**
   * @param rows all but the shared one
   * @param knownName how the catalogue spells a requested name; undefined where it does not know it
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
