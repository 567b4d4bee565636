import type { BoundedQueue } from '../../kernel/bounded-queue.ts'
import type { Clock, Timer } from '../../kernel/clock.ts'
import type { UpstreamFetch } from '../connections/fetch.ts'
import type { EndpointRegistry } from '../registry/registry.ts'
import type { ModelCatalog } from './catalog.ts'
import { parseLoadedModels } from './list-parsers.ts'

/** Consecutive failed polls after which the known states count as stale. */
const staleAfterFailures = 3
const maxListBytes = 1_048_576
const timeoutMs = 2_000

/**
 * Polls which models endpoints have in memory, for backend types with a cheap route for that, and records them in the
 * catalog.
 */
export class ModelResidency {
  readonly #clock: Clock
  readonly #registry: EndpointRegistry
  readonly #catalog: ModelCatalog
  readonly #fetch: UpstreamFetch
  readonly #queue: BoundedQueue
  readonly #intervalMs: number
  readonly #failures: number[] = []
  #timer: Timer | undefined
  #running = false

  constructor(
    services: {
      clock: Clock
      registry: EndpointRegistry
      catalog: ModelCatalog
      fetch: UpstreamFetch
      queue: BoundedQueue
    },
    intervalMs: number,
  ) {
    this.#clock = services.clock
    this.#registry = services.registry
    this.#catalog = services.catalog
    this.#fetch = services.fetch
    this.#queue = services.queue
    this.#intervalMs = intervalMs
  }

  start(): void {
    this.#running = true
    this.#arm()
  }

  stop(): void {
    this.#running = false
    this.#timer?.cancel()
    this.#queue.clear()
  }

  /** Polls every endpoint that supports it; resolves when all have answered or failed. */
  async poll(): Promise<void> {
    const polls = this.#registry.snapshot.endpoints.map(async (endpoint) => {
      const { slot, profile, url, headers } = endpoint
      const path = profile?.loadedModelsPath
      if (profile === undefined || path === undefined || !this.#registry.isRoutable(slot)) return
      try {
        const answer = await this.#queue.push(() =>
          this.#fetch({ url: `${url}${path}`, headers, timeoutMs, maxBytes: maxListBytes }),
        )
        const loaded = parseLoadedModels(profile.listFormat, answer.body)
        this.#failures[slot] = 0
        this.#catalog.setLoaded(slot, loaded)
      } catch {
        this.#failures[slot] = (this.#failures[slot] ?? 0) + 1
        if (this.#failures[slot] >= staleAfterFailures) this.#catalog.setLoaded(slot, undefined)
      }
    })
    await Promise.all(polls)
  }

  #arm(): void {
    this.#timer = this.#clock.after(this.#intervalMs, () => {
      void this.poll().finally(() => {
        if (this.#running) this.#arm()
      })
    })
  }
}
