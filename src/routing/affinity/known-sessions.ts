import { LRUCache } from 'lru-cache'

/** A session and the name of its endpoint, as replicas exchange it. */
export type NamedSession = readonly [key: number, endpoint: string]

/** Maximum sessions of one message. */
const maxBatch = 1_000

/** The sessions that the replicas have bound last, for one that joins. The control thread keeps them. */
export class KnownSessions {
  readonly #names: LRUCache<number, string>

  constructor(maxSessions: number) {
    this.#names = new LRUCache({ max: maxSessions })
  }

  add(bound: readonly NamedSession[]): void {
    for (const [key, endpoint] of bound) this.#names.set(key, endpoint)
  }

  keys(): Iterable<number> {
    return this.#names.keys()
  }

  /** All of them, the oldest first, in parts of the size of a message. */
  *parts(): Generator<NamedSession[]> {
    let part: NamedSession[] = []
    for (const key of this.#names.rkeys()) {
      part.push([key, this.#names.peek(key) ?? ''])
      if (part.length < maxBatch) continue
      yield part
      part = []
    }
    if (part.length > 0) yield part
  }
}
