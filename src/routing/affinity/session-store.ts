import { LRUCache } from 'lru-cache'
import type { Clock } from '../../kernel/clock.ts'

/**
 * Which endpoint a session is bound to. A session is a hash; no name or text of a client is kept.
 *
 * The request path never waits for a store: one that several machines share keeps a copy here and exchanges
 * changes behind this interface. Losing a binding costs a prompt's computation, nothing else.
 */
export interface SessionStore {
  /** Most sessions that are kept. */
  readonly capacity: number
  /** Milliseconds after which a session that is not renewed is forgotten; 0 never. */
  readonly idleTtlMs: number
  /** Sessions that have not expired. */
  readonly size: number
  /** @returns the endpoint's slot; a look changes neither age nor order */
  get(key: number): number | undefined
  /** Binds a session or renews it: its time begins again, and it is the last to be pushed out. */
  set(key: number, slot: number): void
  delete(key: number): void
  /** Forgets all sessions of an endpoint. @returns how many there were */
  purge(slot: number): number
  /** Sessions of one endpoint; may be a second old. */
  count(slot: number): number
  /** Since the start. */
  readonly insertions: number
  /** Sessions that were pushed out or have expired, since the start. */
  readonly evictions: number
}

export interface SessionStoreOptions {
  readonly clock: Clock
  /** Most sessions, at least 1; the one that was bound or renewed longest ago goes first. */
  readonly maxSessions: number
  /** Milliseconds after which a session that is not renewed is forgotten; 0 never. */
  readonly idleTtlMs: number
}

/** Expired sessions are swept out at most so often, and as part of a write. */
const sweepEveryMs = 1_000

/** Sessions of one thread. */
export class LocalSessionStore implements SessionStore {
  readonly capacity: number
  readonly idleTtlMs: number
  readonly #cache: LRUCache<number, number>
  readonly #clock: Clock
  readonly #counts: number[] = []
  #sweptAtMs = 0
  #insertions = 0
  #evictions = 0

  constructor({ clock, maxSessions, idleTtlMs }: SessionStoreOptions) {
    this.capacity = maxSessions
    this.idleTtlMs = idleTtlMs
    this.#clock = clock
    this.#cache = new LRUCache({
      max: maxSessions,
      ttl: idleTtlMs,
      ttlResolution: 0,
      // To the cache a start at 0 is none.
      perf: { now: () => clock.monotonicMs() + 1 },
      dispose: (slot, _key, reason) => {
        this.#counts[slot] = (this.#counts[slot] ?? 0) - 1
        if (reason === 'evict' || reason === 'expire') this.#evictions++
      },
    })
  }

  get size(): number {
    this.#cache.purgeStale()
    return this.#cache.size
  }

  get insertions(): number {
    return this.#insertions
  }

  get evictions(): number {
    return this.#evictions
  }

  get(key: number): number | undefined {
    return this.#cache.peek(key)
  }

  set(key: number, slot: number): void {
    this.#sweep()
    const bound = this.#cache.get(key)
    if (bound === undefined) this.#insertions++
    if (bound !== slot) this.#counts[slot] = (this.#counts[slot] ?? 0) + 1
    this.#cache.set(key, slot)
  }

  delete(key: number): void {
    this.#cache.delete(key)
  }

  purge(slot: number): number {
    const keys = [...this.#cache.entries()].filter(([, bound]) => bound === slot).map(([key]) => key)
    for (const key of keys) this.#cache.delete(key)
    return keys.length
  }

  count(slot: number): number {
    this.#sweep()
    return this.#counts[slot] ?? 0
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#sweptAtMs < sweepEveryMs) return
    this.#sweptAtMs = nowMs
    this.#cache.purgeStale()
  }
}
