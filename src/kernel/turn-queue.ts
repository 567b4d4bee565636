/**
 * What is to be done when the event loop has read all that has come, each in its order. Writes that follow one
 * another closely cost less: a process that reads them on the same machine is awake after the first (a chat at 16
 * connections: 74 µs of CPU instead of 110). A turn without other work ends at once.
 */
export class TurnQueue<Item> {
  readonly #run: (item: Item) => void
  #queued: Item[] = []

  /** @param run must not throw */
  constructor(run: (item: Item) => void) {
    this.#run = run
  }

  push(item: Item): void {
    if (this.#queued.push(item) === 1) setImmediate(this.#runQueued)
  }

  readonly #runQueued = (): void => {
    const queued = this.#queued
    this.#queued = []
    for (const item of queued) this.#run(item)
  }
}
