import { LRUCache } from 'lru-cache'
import type { Clock } from '../../../kernel/clock.ts'
import { isObject, type JsonObject, listField } from '../../../kernel/json/json-fields.ts'
import type { ResponseStore, StoredResponse } from './stored.ts'

export interface MemoryStoreOptions {
  readonly clock: Clock
  /** Maximum number of responses; evicts the least recently used one. */
  readonly maxResponses: number
  /** Maximum size of all responses. A larger response is not kept. */
  readonly maxBytes: number
  /** Milliseconds after which an unused response expires; 0: never. */
  readonly ttlMs: number
}

/** Memory that the ID of an item takes beside the item. */
const itemOverheadBytes = 128

interface Entry {
  /** JSON text. */
  readonly body: Buffer
  readonly itemIds: readonly string[]
}

/** Keeps responses in the memory of this process, as JSON texts: their size is known, and nothing can change them. */
export class MemoryResponseStore implements ResponseStore {
  readonly #cache: LRUCache<string, Entry>
  /** IDs of the responses that contain an item. */
  readonly #owners = new Map<string, string>()

  constructor({ clock, maxResponses, maxBytes, ttlMs }: MemoryStoreOptions) {
    this.#cache = new LRUCache({
      max: maxResponses,
      maxSize: maxBytes,
      sizeCalculation: ({ body, itemIds }) => body.length + itemIds.length * itemOverheadBytes,
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

  async get(id: string): Promise<StoredResponse | undefined> {
    return this.#read(id)
  }

  async put(stored: StoredResponse): Promise<void> {
    this.#cache.purgeStale()
    const body = Buffer.from(JSON.stringify(stored))
    const itemIds = itemsOf(stored).flatMap(({ id }) => (typeof id === 'string' ? id : []))
    this.#cache.set(stored.id, { body, itemIds })
    if (!this.#cache.has(stored.id)) return
    for (const itemId of itemIds) this.#owners.set(itemId, stored.id)
  }

  async delete(id: string): Promise<boolean> {
    return this.#cache.delete(id)
  }

  async item(id: string): Promise<JsonObject | undefined> {
    const owner = this.#owners.get(id)
    const stored = owner === undefined ? undefined : this.#read(owner)
    return stored === undefined ? undefined : itemsOf(stored).find((item) => item.id === id)
  }

  #read(id: string): StoredResponse | undefined {
    const entry = this.#cache.get(id)
    return entry === undefined ? undefined : parsed(entry.body)
  }
}

function itemsOf({ input, response }: StoredResponse): JsonObject[] {
  return [...input, ...listField(response, 'output').filter(isObject)]
}

function parsed(body: Buffer): StoredResponse | undefined {
  const value: unknown = JSON.parse(body.toString('utf8'))
  if (!isObject(value) || typeof value.id !== 'string' || !isObject(value.response)) return undefined
  const { id, response, previousId } = value
  return {
    id,
    response,
    input: listField(value, 'input').filter(isObject),
    previousId: typeof previousId === 'string' ? previousId : undefined,
  }
}
