import type { SharedCache } from '../../kernel/cells/shared-cache.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { BoundSessionCells, SessionColumn, SessionCounts } from './session-cells.ts'
import type { SessionStore, SessionStoreOptions } from './session-store.ts'

/** Minimum time between recounts of sessions per endpoint. */
const tallyEveryMs = 1_000

/**
 * Sessions of all serving threads in shared memory: any thread finds sessions that another one bound. If many sessions
 * fall into one set of the cache, it evicts the oldest of them before the store is full.
 */
export class SharedSessionStore implements SessionStore {
  readonly capacity: number
  readonly idleTtlMs: number
  readonly #cache: SharedCache
  readonly #clock: Clock
  readonly #counters: SessionCounts
  /** Sessions by slot as of `#talliedAtMs`, plus this thread's changes since then. */
  #tally: number[] = []
  #talliedAtMs = Number.NEGATIVE_INFINITY

  constructor(
    { clock, idleTtlMs }: Omit<SessionStoreOptions, 'maxSessions'>,
    { entries, counts }: BoundSessionCells & { readonly counts: SessionCounts },
  ) {
    this.#cache = entries({ ttlMs: idleTtlMs, clock })
    this.capacity = this.#cache.capacity
    this.idleTtlMs = idleTtlMs
    this.#clock = clock
    this.#counters = counts
  }

  get size(): number {
    return this.#cache.size()
  }

  get insertions(): number {
    return this.#sum('insertions')
  }

  /** Inserted sessions that are neither stored nor removed; never decreases. */
  get evictions(): number {
    const { insertions, size } = this
    const column = this.#counters.column('evictions')
    const evictions = Math.max(insertions - this.#sum('removals') - size, this.#counters.maximum(0, column))
    this.#counters.recordMax(0, column, evictions)
    return evictions
  }

  get(key: number): number | undefined {
    return this.#cache.peek(key)
  }

  set(key: number, slot: number): void {
    const bound = this.#cache.peek(key)
    this.#cache.set(key, slot)
    // In this order, a read in between reports too few evictions, never too many.
    if (bound === undefined) this.#add('insertions', 1)
    if (bound === slot) return
    this.#retally()
    this.#tally[slot] = (this.#tally[slot] ?? 0) + 1
  }

  delete(key: number): void {
    if (this.#cache.delete(key)) this.#add('removals', 1)
  }

  purge(slot: number): number {
    const purged = this.#cache.deleteValue(slot)
    this.#add('removals', purged)
    return purged
  }

  count(slot: number): number {
    this.#retally()
    return this.#tally[slot] ?? 0
  }

  /** Recounts and also frees expired sessions. */
  #retally(): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#talliedAtMs < tallyEveryMs) return
    this.#talliedAtMs = nowMs
    this.#tally = this.#cache.tally()
  }

  #add(column: SessionColumn, count: number): void {
    this.#counters.add(0, this.#counters.column(column), count)
  }

  #sum(column: SessionColumn): number {
    return this.#counters.sum(0, this.#counters.column(column))
  }
}
