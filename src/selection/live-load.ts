import type { EndpointRegistry } from '../endpoint/registry.ts'
import type { HealthMonitor } from '../health/health-monitor.ts'
import type { CircuitBreakers } from '../resilience/circuit-breakers.ts'
import type { CoolDowns } from '../resilience/cool-down.ts'
import type { Gauge } from '../state/gauge.ts'
import type { FailurePenalties } from './failure-penalty.ts'
import type { Candidate, EndpointLoad } from './selector.ts'

/** The endpoints' state as requests find it: shared cells, breakers, cool-downs and penalties in one view. */
export class LiveLoad implements EndpointLoad {
  readonly registry: EndpointRegistry
  readonly #gauge: Gauge
  readonly #breakers: CircuitBreakers
  readonly #health: Pick<HealthMonitor, 'retryInMs'>
  readonly coolDowns: CoolDowns
  readonly penalties: FailurePenalties

  constructor(parts: {
    registry: EndpointRegistry
    inFlight: Gauge
    breakers: CircuitBreakers
    health: Pick<HealthMonitor, 'retryInMs'>
    coolDowns: CoolDowns
    penalties: FailurePenalties
  }) {
    this.registry = parts.registry
    this.#gauge = parts.inFlight
    this.#breakers = parts.breakers
    this.#health = parts.health
    this.coolDowns = parts.coolDowns
    this.penalties = parts.penalties
  }

  inFlight(slot: number): number {
    return this.#gauge.value(slot)
  }

  share(slot: number): number {
    return this.registry.share(slot)
  }

  penalty({ endpoint }: Candidate): number {
    return this.penalties.of(endpoint.slot)
  }

  admits(candidate: Candidate): boolean {
    return this.#isWilling(candidate) && !this.#hasNoPlace(candidate)
  }

  /** Would take the request but for its `max_concurrent`: worth waiting for. */
  isFull(candidate: Candidate): boolean {
    return this.#isWilling(candidate) && this.#hasNoPlace(candidate)
  }

  /**
   * Milliseconds until an endpoint with `max_concurrent` is back from a pause that it has asked for (`Retry-After`);
   * `Infinity` where it is not that what keeps it.
   */
  pauseMs({ endpoint: { slot, maxConcurrent } }: Candidate): number {
    const coolingMs = this.coolDowns.leftMs(slot)
    const isLimited = this.registry.status(slot) === 'rate_limited'
    const isPausing = isLimited || (coolingMs > 0 && this.registry.isRoutable(slot))
    if (!isPausing || maxConcurrent === 0 || !this.#breakers.get(slot).wouldAdmit()) {
      return Number.POSITIVE_INFINITY
    }
    // A probe that was limited has set no pause but its own next time.
    return coolingMs || this.#health.retryInMs(slot)
  }

  /** When the first of the candidates may take requests again, as far as is known; at least 1. */
  retryAfterSeconds(candidates: readonly Candidate[]): number {
    let soonestMs = Number.POSITIVE_INFINITY
    for (const { endpoint } of candidates) {
      const { slot } = endpoint
      const coolingMs = this.coolDowns.leftMs(slot)
      const openMs = this.#breakers.get(slot).retryInMs()
      soonestMs = Math.min(soonestMs, Math.max(coolingMs, openMs, this.#health.retryInMs(slot)))
    }
    return Number.isFinite(soonestMs) ? Math.max(1, Math.ceil(soonestMs / 1000)) : 1
  }

  #isWilling({ endpoint: { slot } }: Candidate): boolean {
    return (
      this.registry.isRoutable(slot) &&
      this.coolDowns.leftMs(slot) === 0 &&
      this.#breakers.get(slot).wouldAdmit()
    )
  }

  #hasNoPlace({ endpoint: { slot, maxConcurrent } }: Candidate): boolean {
    return maxConcurrent > 0 && this.#gauge.value(slot) >= maxConcurrent
  }
}
