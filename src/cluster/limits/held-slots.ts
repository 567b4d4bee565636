/** Slots of limits that the requests of this replica hold. */
export class HeldSlots {
  /** By thread and name. */
  readonly #held = new Map<number, Map<string, number>>()
  /** Names whose number the server may not have. */
  #changed = new Set<string>()

  inUse(name: string): number {
    let total = 0
    for (const slots of this.#held.values()) total += slots.get(name) ?? 0
    return total
  }

  /** @param isNews whether the server does not know it */
  take(thread: number, name: string, isNews: boolean, count = 1): void {
    let slots = this.#held.get(thread)
    if (slots === undefined) {
      slots = new Map()
      this.#held.set(thread, slots)
    }
    slots.set(name, (slots.get(name) ?? 0) + count)
    if (isNews) this.#changed.add(name)
  }

  /** @param isNews whether the server is to learn of it */
  giveBack(thread: number, name: string, isNews: boolean, given = 1): void {
    const slots = this.#held.get(thread)
    const count = (slots?.get(name) ?? 0) - given
    if (count > 0) slots?.set(name, count)
    else slots?.delete(name)
    if (isNews) this.#changed.add(name)
  }

  /** A thread has ended. */
  reclaim(thread: number): void {
    this.change(this.#held.get(thread)?.keys() ?? [])
    this.#held.delete(thread)
  }

  /** The server may not have the numbers of these. */
  change(names: Iterable<string>): void {
    for (const name of names) this.#changed.add(name)
  }

  /** The server has the number of this one. */
  reported(name: string): void {
    this.#changed.delete(name)
  }

  changeAll(): void {
    for (const slots of this.#held.values()) this.change(slots.keys())
  }

  /** @returns the names whose numbers are to be sent now */
  takeChanged(): Set<string> {
    const changed = this.#changed
    this.#changed = new Set()
    return changed
  }
}
