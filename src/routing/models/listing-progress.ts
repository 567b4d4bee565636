import type { LookupServices } from './model-lookup.ts'

/** Maximum time that a slow model list delays readiness. */
const maxWaitMs = 5_000
/** The control thread's discoveries reach the other threads within this time. */
const spreadMs = 250

/** Whether discovery is complete; before that, requests may fail because a model is not listed yet. */
export class ListingProgress {
  readonly #parts: LookupServices
  readonly #threads: number
  #isDone = false

  constructor(parts: LookupServices, threads: number) {
    this.#parts = parts
    this.#threads = threads
  }

  /**
   * Whether the first discovery of every reachable endpoint has succeeded, failed or taken too long. Stays true from
   * then on: a new endpoint must not make the gateway unready.
   */
  get isDone(): boolean {
    const { registry, discovery } = this.#parts
    if (this.#isDone || !discovery.isRunning) return true
    const candidates = registry.snapshot.endpoints.filter(({ slot }) => registry.mayAnswer(slot))
    this.#isDone = candidates.length > 0 && candidates.every(({ slot }) => this.#hasCompleted(slot))
    return this.#isDone
  }

  #hasCompleted(slot: number): boolean {
    const { clock, registry, catalog, discovery } = this.#parts
    const nowMs = clock.nowMs()
    const { lastSeenMs, consecutiveFailures } = discovery.record(slot)
    if (lastSeenMs !== undefined && catalog.snapshot.byEndpoint.has(slot)) {
      return this.#threads === 1 || nowMs - lastSeenMs >= spreadMs
    }
    return consecutiveFailures > 0 || nowMs - registry.statusDetail(slot).sinceMs >= maxWaitMs
  }
}
