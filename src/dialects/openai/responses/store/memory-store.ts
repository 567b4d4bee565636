import { LRUCache } from 'lru-cache'
import type { Clock } from '../../../../kernel/clock.ts'
import type { KeptResponse, ResponseStore } from './stored.ts'

export interface MemoryStoreOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** Maximum number of responses; evicts the least recently used one. */
  readonly maxResponses: number
  /** Maximum size of all responses. A larger response is not kept. */
  readonly maxBytes: number
  /** Milliseconds after which an unused response expires; 0: never. */
  readonly ttlMs: number
}

/** Memory that a response and each of its items take beside their texts. */
const overheadBytes = 512
const itemOverheadBytes = 128

/** Keeps responses in the memory of this process. */
export class MemoryResponseStore implements ResponseStore {
  readonly #cache: LRUCache<string, KeptResponse>
  /** IDs of the responses that contain an item. */
  readonly #owners = new Map<string, string>()

  constructor({ clock, maxResponses, maxBytes, ttlMs }: MemoryStoreOptions) {
    this.#cache = new LRUCache({
      max: maxResponses,
      maxSize: maxBytes,
      sizeCalculation: ({ request, response, itemIds }) =>
        request.length + response.length + overheadBytes + itemIds.length * itemOverheadBytes,
      ttl: ttlMs,
      ttlResolution: 0,
      updateAgeOnGet: true,
      // The cache treats a start of 0 as unset.
      perf: { now: () => clock.monotonicMs() + 1 },
      dispose: ({ itemIds }, id) => {
        for (const itemId of itemIds) if (this.#owners.get(itemId) === id) this.#owners.delete(itemId)
      },
    })
  }

  get size(): number {
    this.#cache.purgeStale()
    return this.#cache.size
  }

  get bytes(): number {
    this.#cache.purgeStale()
    return this.#cache.calculatedSize
  }

  async get(id: string): Promise<KeptResponse | undefined> {
    return this.#cache.get(id)
  }

  async withItem(itemId: string): Promise<KeptResponse | undefined> {
    const owner = this.#owners.get(itemId)
    return owner === undefined ? undefined : this.#cache.get(owner)
  }

  async put(response: KeptResponse): Promise<void> {
    this.#cache.purgeStale()
    this.#cache.set(response.id, response)
    if (!this.#cache.has(response.id)) return
    for (const itemId of response.itemIds) this.#owners.set(itemId, response.id)
  }

  async delete(id: string): Promise<boolean> {
    return this.#cache.delete(id)
  }
}
