import type { Clock } from '../clock.ts'
import type { EndpointRegistry } from '../endpoint/registry.ts'
import type { ModelCatalog } from './catalog.ts'
import type { ModelRefresher } from './discovery-records.ts'

/** Longest time that a slow list keeps the gateway from being ready. */
const mostWaitMs = 5_000
/** What the control thread has found reaches the other threads within this time. */
const spreadMs = 250

/** Whether the models are known as far as they can be: before that, requests meet "not listed yet". */
export class ListingProgress {
  readonly #clock: Clock
  readonly #registry: EndpointRegistry
  readonly #catalog: ModelCatalog
  readonly #discovery: ModelRefresher
  readonly #threads: number
  #isDone = false

  constructor(parts: {
    clock: Clock
    registry: EndpointRegistry
    catalog: ModelCatalog
    discovery: ModelRefresher
    threads: number
  }) {
    this.#clock = parts.clock
    this.#registry = parts.registry
    this.#catalog = parts.catalog
    this.#discovery = parts.discovery
    this.#threads = parts.threads
  }

  /**
   * Whether each endpoint that may answer was asked for its models once: it has listed them, it could not, or it takes
   * too long. Once that was so it stays: a new endpoint must not take the gateway out.
   */
  get isDone(): boolean {
    if (this.#isDone || !this.#discovery.isRunning) return true
    const asked = this.#registry.snapshot.endpoints.filter(({ slot }) => this.#registry.mayAnswer(slot))
    this.#isDone = asked.length > 0 && asked.every(({ slot }) => this.#wasAsked(slot))
    return this.#isDone
  }

  #wasAsked(slot: number): boolean {
    const nowMs = this.#clock.nowMs()
    const { lastSeenMs, consecutiveFailures } = this.#discovery.record(slot)
    if (lastSeenMs !== undefined && this.#catalog.snapshot.byEndpoint.has(slot)) {
      return this.#threads === 1 || nowMs - lastSeenMs >= spreadMs
    }
    return consecutiveFailures > 0 || nowMs - this.#registry.statusDetail(slot).sinceMs >= mostWaitMs
  }
}
