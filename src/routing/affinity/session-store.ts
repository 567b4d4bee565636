import { LRUCache } from 'lru-cache'
import type { Clock } from '../../kernel/clock.ts'

/**
 * Maps sessions to endpoints. A session is a hash; the store keeps no client data.
 *
 * The request path never waits for a store: a store shared by several machines keeps a local copy and exchanges changes
 * behind this interface. A lost binding only costs computing a prompt again.
 */
export interface SessionStore {
  /** Maximum number of sessions. */
  readonly capacity: number
  /** Milliseconds after which an idle session expires; 0: never. */
  readonly idleTtlMs: number
  /** Sessions that have not expired. */
  readonly size: number
  /** @returns the endpoint's slot; does not change age or order */
  get(key: number): number | undefined
  /** Binds or renews a session: restarts its idle time and makes it the last to be evicted. */
  set(key: number, slot: number): void
  delete(key: number): void
  /** Removes all sessions of an endpoint. @returns their number */
  purge(slot: number): number
  /** Number of sessions of an endpoint; may be a second old. */
  count(slot: number): number
  /** Number since the start. */
  readonly insertions: number
  /** Evicted and expired sessions since the start. */
  readonly evictions: number
}

export interface SessionStoreOptions {
  readonly clock: Clock
  /** Maximum number of sessions, at least 1; evicts the least recently renewed one. */
  readonly maxSessions: number
  /** Milliseconds after which an idle session expires; 0: never. */
  readonly idleTtlMs: number
}

/** Minimum time between sweeps of expired sessions; writes trigger them. */
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
      // The cache treats a start of 0 as unset.
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
