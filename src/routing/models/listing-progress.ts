import type { LookParts } from './model-look.ts'

/** Longest time that a slow list keeps the gateway from being ready. */
const mostWaitMs = 5_000
/** What the control thread has found reaches the other threads within this time. */
const spreadMs = 250

/** Whether the models are known as far as they can be: before that, requests meet "not listed yet". */
export class ListingProgress {
  readonly #parts: LookParts
  readonly #threads: number
  #isDone = false

  constructor(parts: LookParts, threads: number) {
    this.#parts = parts
    this.#threads = threads
  }

  /**
   * Whether each endpoint that may answer was asked for its models once: it has listed them, it could not, or it takes
   * too long. Once that was so it stays: a new endpoint must not take the gateway out.
   */
  get isDone(): boolean {
    const { registry, discovery } = this.#parts
    if (this.#isDone || !discovery.isRunning) return true
    const asked = registry.snapshot.endpoints.filter(({ slot }) => registry.mayAnswer(slot))
    this.#isDone = asked.length > 0 && asked.every(({ slot }) => this.#wasAsked(slot))
    return this.#isDone
  }

  #wasAsked(slot: number): boolean {
    const { clock, registry, catalog, discovery } = this.#parts
    const nowMs = clock.nowMs()
    const { lastSeenMs, consecutiveFailures } = discovery.record(slot)
    if (lastSeenMs !== undefined && catalog.snapshot.byEndpoint.has(slot)) {
      return this.#threads === 1 || nowMs - lastSeenMs >= spreadMs
    }
    return consecutiveFailures > 0 || nowMs - registry.statusDetail(slot).sinceMs >= mostWaitMs
  }
}
