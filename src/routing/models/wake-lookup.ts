import type { ModelCatalog } from '../../endpoints/discovery/catalog.ts'
import type { BackendProfile } from '../../endpoints/profiles/profile.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { EndpointRegistry } from '../../endpoints/registry/registry.ts'
import type { Clock } from '../../kernel/clock.ts'
import { isInScope } from './candidates.ts'
import type { RoutingOutcome } from './routing.ts'

export interface WakeLookupServices {
  readonly clock: Pick<Clock, 'after' | 'monotonicMs'>
  readonly registry: Pick<EndpointRegistry, 'snapshot' | 'isRoutable' | 'service'>
  readonly catalog: Pick<ModelCatalog, 'snapshot'>
  readonly wake: (slot: number) => void
}

/** The part of a request that decides which machines it may wake. */
export interface WakingRequest {
  readonly model: string | undefined
  readonly identity?:
    | { readonly access?: { allowsEndpoint(endpoint: Endpoint): boolean } | undefined }
    | undefined
}

/** Requests of one thread that wait at a time. */
const maxWaiting = 1_000
const pollMs = 250

/**
 * Wakes machines whose models are not known, because they have been down since the gateway started, when a request names
 * a model that no other endpoint has.
 */
export class WakeLookup {
  readonly #services: WakeLookupServices
  #waiting = 0
  #isOver = false

  constructor(services: WakeLookupServices) {
    this.#services = services
  }

  /**
   * @param request its model, and what its caller may use
   * @param provider the type of endpoints that it asks for; undefined for all
   * @returns resolves when one of them has listed its models, or none has within its time; undefined if there is none
   */
  forRejected(
    { tiers }: Pick<RoutingOutcome, 'tiers'>,
    { model, identity }: WakingRequest,
    provider: BackendProfile | undefined,
  ): Promise<void> | undefined {
    if (tiers.length > 0 || model === undefined || this.#isOver) return undefined
    const asleep = this.#services.registry.snapshot.endpoints.filter(
      (endpoint) =>
        this.#mayHaveIt(endpoint) &&
        isInScope(endpoint, provider) &&
        identity?.access?.allowsEndpoint(endpoint) !== false,
    )
    if (asleep.length === 0 || this.#waiting >= maxWaiting) return undefined
    const waitMs = Math.max(...asleep.map(({ wake }) => wake?.waitMs ?? 0))
    return this.#wait(asleep, this.#services.clock.monotonicMs() + waitMs)
  }

  /** The gateway stops: no request waits any longer. */
  stop(): void {
    this.#isOver = true
  }

  #mayHaveIt({ slot, wake }: Endpoint): boolean {
    const { registry, catalog } = this.#services
    return (
      wake !== undefined &&
      !registry.isRoutable(slot) &&
      registry.service(slot) === 'serving' &&
      !catalog.snapshot.byEndpoint.has(slot)
    )
  }

  async #wait(asleep: readonly Endpoint[], untilMs: number): Promise<void> {
    const { clock, catalog, wake } = this.#services
    const hasListed = () => asleep.some(({ slot }) => catalog.snapshot.byEndpoint.has(slot))
    this.#waiting++
    while (!this.#isOver && clock.monotonicMs() < untilMs && !hasListed()) {
      for (const { slot } of asleep) wake(slot)
      await new Promise<void>((resolve) => clock.after(pollMs, resolve))
    }
    this.#waiting--
  }
}
