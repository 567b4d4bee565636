import { LRUCache } from 'lru-cache'
import type { Clock } from '../../../../kernel/clock.ts'
import {
  type ConversationChange,
  type ConversationStore,
  changed,
  type KeptConversation,
} from './conversation-store.ts'
import type { KeptResponse, ResponseStore } from './stored.ts'

export interface MemoryStoreOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** Maximum number of responses and conversations; evicts the least recently used one. */
  readonly maxResponses: number
  /** Maximum size of all of them. A larger one is not kept. */
  readonly maxBytes: number
  /** Milliseconds after which an unused one expires; 0: never. */
  readonly ttlMs: number
}

type Kept = KeptResponse | KeptConversation

/** Memory that a response or conversation and each of its items take beside their texts. */
const overheadBytes = 512
const itemOverheadBytes = 128
/** Finding what has expired reads every entry, so it happens at most once in this time; `get` checks its own entry. */
const purgeIntervalMs = 1_000

/** Keeps responses and conversations in the memory of this process. */
export class MemoryResponseStore implements ResponseStore {
  readonly #cache: LRUCache<string, Kept>
  readonly #clock: Pick<Clock, 'monotonicMs'>
  #purgedMs = Number.NEGATIVE_INFINITY
  /** IDs of the responses that contain an item. */
  readonly #owners = new Map<string, string>()
  readonly conversations: ConversationStore

  constructor({ clock, maxResponses, maxBytes, ttlMs }: MemoryStoreOptions) {
    this.#clock = clock
    this.#cache = new LRUCache({
      max: maxResponses,
      maxSize: maxBytes,
      sizeCalculation: sizeOf,
      ttl: ttlMs,
      ttlResolution: 0,
      updateAgeOnGet: true,
      // The cache treats a start of 0 as unset.
      perf: { now: () => clock.monotonicMs() + 1 },
      dispose: (kept, id) => {
        if (isConversation(kept)) return
        for (const itemId of kept.itemIds) if (this.#owners.get(itemId) === id) this.#owners.delete(itemId)
      },
    })
    this.conversations = new MemoryConversationStore(this.#cache)
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
    return this.#response(id)
  }

  async withItem(itemId: string): Promise<KeptResponse | undefined> {
    const owner = this.#owners.get(itemId)
    return owner === undefined ? undefined : this.#response(owner)
  }

  async put(response: KeptResponse): Promise<void> {
    this.#purge()
    this.#cache.set(response.id, response)
    if (!this.#cache.has(response.id)) return
    for (const itemId of response.itemIds) this.#owners.set(itemId, response.id)
  }

  async delete(id: string): Promise<boolean> {
    return this.#response(id) !== undefined && this.#cache.delete(id)
  }

  /** The limits need no more: the least recently used entries are also those that expire first. */
  #purge(): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#purgedMs < purgeIntervalMs) return
    this.#purgedMs = nowMs
    this.#cache.purgeStale()
  }

  #response(id: string): KeptResponse | undefined {
    const kept = this.#cache.get(id)
    return kept === undefined || isConversation(kept) ? undefined : kept
  }
}

class MemoryConversationStore implements ConversationStore {
  readonly #cache: LRUCache<string, Kept>

  constructor(cache: LRUCache<string, Kept>) {
    this.#cache = cache
  }

  async get(id: string): Promise<KeptConversation | undefined> {
    return this.#conversation(id)
  }

  async create(conversation: KeptConversation): Promise<boolean> {
    this.#cache.set(conversation.id, conversation)
    return this.#cache.has(conversation.id)
  }

  async change(id: string, change: ConversationChange): Promise<KeptConversation | undefined> {
    const conversation = this.#conversation(id)
    const next = conversation && changed(conversation, change)
    // The cache would drop the conversation rather than refuse it.
    if (next === undefined || sizeOf(next) > this.#cache.maxSize) return undefined
    this.#cache.set(id, next)
    return next
  }

  async delete(id: string): Promise<boolean> {
    return this.#conversation(id) !== undefined && this.#cache.delete(id)
  }

  #conversation(id: string): KeptConversation | undefined {
    const kept = this.#cache.get(id)
    return kept !== undefined && isConversation(kept) ? kept : undefined
  }
}

function isConversation(kept: Kept): kept is KeptConversation {
  return 'items' in kept
}

function sizeOf(kept: Kept): number {
  if (!isConversation(kept)) {
    const { request, response, events, itemIds } = kept
    const texts = request.length + response.length + (events?.length ?? 0)
    return texts + overheadBytes + itemIds.length * itemOverheadBytes
  }
  let bytes = overheadBytes + JSON.stringify(kept.metadata).length
  for (const { text } of kept.items) bytes += text.length + itemOverheadBytes
  return bytes
}
