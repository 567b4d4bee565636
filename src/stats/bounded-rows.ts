/** Gives each key a row of its own, as long as there are any. */
export class BoundedRows<Key> {
  readonly capacity: number
  readonly #rows = new Map<Key, number>()

  constructor(capacity: number) {
    this.capacity = capacity
  }

  find(key: Key): number | undefined {
    return this.#rows.get(key)
  }

  /** @returns undefined where all rows are taken */
  take(key: Key): number | undefined {
    const known = this.#rows.get(key)
    if (known !== undefined) return known
    if (this.#rows.size >= this.capacity) return undefined
    const row = this.#rows.size
    this.#rows.set(key, row)
    return row
  }

  /** Keys in the order in which they came. */
  entries(): IterableIterator<[Key, number]> {
    return this.#rows.entries()
  }
}
