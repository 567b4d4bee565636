import type { ModelCatalog } from '../../endpoints/discovery/catalog.ts'
import type { ModelRefresher } from '../../endpoints/discovery/discovery-records.ts'
import type { EndpointRegistry } from '../../endpoints/registry/registry.ts'
import type { Clock } from '../../kernel/clock.ts'

/** Minimum time between two refreshes of an endpoint for unknown names, which clients may invent. */
const minLookupIntervalMs = 2_000

/** Access to the endpoints' model lists and to discovery. */
export interface LookupServices {
  readonly clock: Clock
  readonly registry: EndpointRegistry
  readonly catalog: ModelCatalog
  readonly discovery: ModelRefresher
}

interface Lookup {
  readonly startedMs: number
  /** Undefined once finished. */
  done: Promise<unknown> | undefined
}

/**
 * Refreshes model lists when a request names an unknown model: a server may get new models at any time (`ollama cp`),
 * long before the next regular discovery. Waiting requests share one refresh.
 */
export class ModelLookup {
  readonly #parts: LookupServices
  readonly #lookups: (Lookup | undefined)[] = []

  constructor(parts: LookupServices) {
    this.#parts = parts
  }

  /**
   * @param timeoutMs maximum wait
   * @returns undefined if every list is fresh
   */
  forUnknown(timeoutMs: number): Promise<void> | undefined {
    const { registry, catalog, discovery } = this.#parts
    if (!discovery.isRunning) return undefined
    const { byEndpoint } = catalog.snapshot
    const lookups: Promise<unknown>[] = []
    for (const { slot, profile } of registry.snapshot.endpoints) {
      const changes = profile?.alwaysLoaded !== true || !byEndpoint.has(slot)
      const lookup = changes && registry.isRoutable(slot) ? this.#at(slot) : undefined
      if (lookup !== undefined) lookups.push(lookup)
    }
    return lookups.length === 0 ? undefined : this.#within(Promise.all(lookups), timeoutMs)
  }

  /** Refreshes an endpoint in the background after it denied having a model that it lists. */
  at(slot: number): void {
    if (this.#parts.discovery.isRunning) void this.#at(slot)
  }

  #at(slot: number): Promise<unknown> | undefined {
    const { clock, discovery } = this.#parts
    const known = this.#lookups[slot]
    if (known?.done !== undefined) return known.done
    const seenMs = discovery.record(slot).lastSeenMs
    const nowMs = clock.monotonicMs()
    const isFresh =
      (seenMs !== undefined && clock.nowMs() - seenMs < minLookupIntervalMs) ||
      (known !== undefined && nowMs - known.startedMs < minLookupIntervalMs)
    if (isFresh) return undefined
    const lookup: Lookup = { startedMs: nowMs, done: undefined }
    lookup.done = discovery
      .refresh(slot)
      .catch(() => false)
      .finally(() => {
        lookup.done = undefined
      })
    this.#lookups[slot] = lookup
    return lookup.done
  }

  #within(done: Promise<unknown>, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#parts.clock.after(timeoutMs, resolve)
      void done.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }
}
