/** Flat name/value pairs that are added one by one. A list that grows by itself is copied two or three times. */
export class PairList {
  readonly #pairs: string[]
  #length = 0

  /** @param capacity names and values for which there is room; more only cost a copy */
  constructor(capacity: number) {
    this.#pairs = new Array<string>(capacity)
  }

  /** Number of names and values. */
  get length(): number {
    return this.#length
  }

  /** The name or value at an index. */
  at(index: number): string {
    return this.#pairs[index] ?? ''
  }

  add(name: string, value: string): void {
    this.#pairs[this.#length++] = name
    this.#pairs[this.#length++] = value
  }

  addAll(pairs: readonly string[]): void {
    for (let at = 0; at + 1 < pairs.length; at += 2) this.add(pairs[at] ?? '', pairs[at + 1] ?? '')
  }

  /** The pairs. Nothing can be added after this. */
  end(): string[] {
    this.#pairs.length = this.#length
    return this.#pairs
  }
}
