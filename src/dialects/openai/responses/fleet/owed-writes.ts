/** At most this many writes, and bytes in them, wait for the server. */
const maxWrites = 1_000
const maxBytes = 16_777_216

interface Owed {
  readonly bytes: number
  readonly write: () => Promise<boolean>
}

/** Writes that the other replicas lack because the server was away; what exceeds the bounds stays with this replica. */
export class OwedWrites {
  #owed: Owed[] = []
  #bytes = 0

  get size(): number {
    return this.#owed.length
  }

  /** @param write is called until it returns true */
  add(bytes: number, write: () => Promise<boolean>): void {
    if (this.#owed.length >= maxWrites || this.#bytes + bytes > maxBytes) return
    this.#owed.push({ bytes, write })
    this.#bytes += bytes
  }

  /** Writes them in their order; what fails again waits for the next time. */
  async flush(): Promise<void> {
    const owed = this.#owed
    this.#owed = []
    this.#bytes = 0
    for (const [at, { write }] of owed.entries()) {
      if (await write()) continue
      for (const each of owed.slice(at)) this.add(each.bytes, each.write)
      return
    }
  }
}
