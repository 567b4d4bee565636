import type { Clock } from '../../kernel/clock.ts'
import type { Topic } from '../../runtime/links/peer-link.ts'
import type { SessionStore } from './session-store.ts'

/** A session and the slot of its endpoint. */
export type BoundSession = readonly [key: number, slot: number]

/** Sessions that a thread has bound. */
export const sessionsBoundTopic: Topic<readonly BoundSession[]> = 'sessions.bound'
/** Sessions that other replicas have bound, or had bound before this one joined. */
export const sessionsLearnedTopic: Topic<{
  readonly bound: readonly BoundSession[]
  readonly areOld: boolean
}> = 'sessions.learned'

/** Asks the control thread for what the replicas have bound before. */
export const knownSessionsTopic: Topic<null, readonly BoundSession[]> = 'sessions.known'

/** The next turn of a conversation may reach another replica right after the answer. */
const flushMs = 5
/** Maximum sessions of one message; the rest stays with this replica. */
const maxBatch = 2_000

/** A store that reports new bindings, so that the other replicas can have them too. Renewals and ends stay here. */
export class ReplicatedSessionStore implements SessionStore {
  readonly #store: SessionStore
  readonly #clock: Pick<Clock, 'after'>
  readonly #report: (bound: readonly BoundSession[]) => void
  #bound: BoundSession[] = []

  constructor(
    store: SessionStore,
    clock: Pick<Clock, 'after'>,
    report: (bound: readonly BoundSession[]) => void,
  ) {
    this.#store = store
    this.#clock = clock
    this.#report = report
  }

  get capacity(): number {
    return this.#store.capacity
  }

  get idleTtlMs(): number {
    return this.#store.idleTtlMs
  }

  get size(): number {
    return this.#store.size
  }

  get insertions(): number {
    return this.#store.insertions
  }

  get evictions(): number {
    return this.#store.evictions
  }

  get(key: number): number | undefined {
    return this.#store.get(key)
  }

  set(key: number, slot: number): void {
    const isNew = this.#store.get(key) !== slot
    this.#store.set(key, slot)
    if (!isNew || this.#bound.length >= maxBatch) return
    this.#bound.push([key, slot])
    if (this.#bound.length > 1) return
    this.#clock.after(flushMs, () => {
      const bound = this.#bound
      this.#bound = []
      this.#report(bound)
    })
  }

  /** Takes over what other replicas have bound. @param areOld whether that was a while ago: it renews no session */
  learn(bound: readonly BoundSession[], areOld: boolean): void {
    for (const [key, slot] of bound) if (!areOld || this.#store.get(key) !== slot) this.#store.set(key, slot)
  }

  delete(key: number): void {
    this.#store.delete(key)
  }

  purge(slot: number): number {
    return this.#store.purge(slot)
  }

  count(slot: number): number {
    return this.#store.count(slot)
  }
}
