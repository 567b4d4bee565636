import type { AnswerTimes } from '../../endpoints/health/answer-times.ts'
import type { HealthMonitor } from '../../endpoints/health/health-monitor.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { EndpointRegistry } from '../../endpoints/registry/registry.ts'
import type { CircuitBreakers } from '../../endpoints/resilience/circuit-breakers.ts'
import type { CoolDowns } from '../../endpoints/resilience/cool-down.ts'
import type { Gauge } from '../../kernel/cells/gauge.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { FailurePenalties } from './failure-penalty.ts'
import type { PlaceLimits } from './place-limits.ts'
import type { Candidate, EndpointLoad } from './selector.ts'

/** Minimum time between two last-resort requests to an endpoint. */
const lastResortIntervalMs = 50
/** The same for an endpoint that did not answer. */
const offlineIntervalMs = 250
/** How long an answer counts as proof that an endpoint works. */
const answerCountsMs = 10_000
/** Requests do not wait for an endpoint that has been down for longer. */
const shortOutageMs = 60_000

/** Current state of the endpoints: shared cells, circuit breakers, cool-downs and penalties in one view. */
export class LiveLoad implements EndpointLoad {
  readonly registry: EndpointRegistry
  readonly #clock: Clock
  readonly #gauge: Gauge
  readonly #breakers: CircuitBreakers
  readonly #health: Pick<HealthMonitor, 'retryInMs'>
  readonly #lastResortAtMs: Float64Array
  readonly #answers: Pick<AnswerTimes, 'hasAnsweredSince'>
  readonly #places: PlaceLimits | undefined
  readonly coolDowns: CoolDowns
  readonly penalties: FailurePenalties

  constructor(parts: {
    clock: Clock
    registry: EndpointRegistry
    inFlight: Gauge
    breakers: CircuitBreakers
    health: Pick<HealthMonitor, 'retryInMs'>
    coolDowns: CoolDowns
    penalties: FailurePenalties
    answers: Pick<AnswerTimes, 'hasAnsweredSince'>
    /** Of `loadCells`. */
    lastResortAtMs: Float64Array
    /** Of a gateway that is one replica of several. */
    places?: PlaceLimits | undefined
  }) {
    this.#clock = parts.clock
    this.registry = parts.registry
    this.#gauge = parts.inFlight
    this.#breakers = parts.breakers
    this.#health = parts.health
    this.#lastResortAtMs = parts.lastResortAtMs
    this.coolDowns = parts.coolDowns
    this.penalties = parts.penalties
    this.#answers = parts.answers
    this.#places = parts.places
  }

  inFlight(slot: number): number {
    const own = this.#gauge.value(slot)
    return this.#places === undefined ? own : own + this.#places.others(slot)
  }

  share(slot: number): number {
    return this.registry.share(slot)
  }

  penalty(candidate: Candidate): number {
    const penalty = this.penalties.of(candidate)
    // A candidate that has had no request for long must get its trial, however bad it was.
    return penalty > 0 && this.#breakers.isTrialDue(candidate) ? 0 : penalty
  }

  hasJustAnswered({ endpoint: { slot } }: Candidate): boolean {
    return this.#answers.hasAnsweredSince(slot, this.#clock.monotonicMs() - answerCountsMs)
  }

  admits(candidate: Candidate): boolean {
    return this.#isWilling(candidate) && !this.#isAtLimit(candidate)
  }

  /** Whether only `max_concurrent` keeps the candidate from a request, so that waiting helps. */
  isFull(candidate: Candidate): boolean {
    return this.#isWilling(candidate) && this.#isAtLimit(candidate)
  }

  /** Whether a request that only this endpoint can serve would go there, now or after a last-resort wait. */
  wouldAccept(endpoint: Endpoint): boolean {
    const candidate = { endpoint }
    return (
      this.#isWilling(candidate) || (this.#isServing(candidate) && this.coolDowns.ownLeftMs(candidate) === 0)
    )
  }

  /**
   * Milliseconds until a requested pause (`Retry-After`) of a candidate ends; `Infinity` if something else keeps it.
   */
  pauseMs(candidate: Candidate): number {
    const { slot } = candidate.endpoint
    const coolingMs = this.coolDowns.leftMs(candidate)
    const isLimited = this.registry.status(slot) === 'rate_limited'
    const isPausing = isLimited || (coolingMs > 0 && this.registry.isRoutable(slot))
    if (!isPausing || !this.#breakers.wouldAdmit(candidate)) {
      return Number.POSITIVE_INFINITY
    }
    // A rate-limited probe only delays the next probe.
    return coolingMs || this.#health.retryInMs(slot)
  }

  /**
   * Whether only its status or an open circuit keeps the candidate from a request, so that it may be tried when nothing
   * else can serve. Respects a pause requested for the candidate, but not one caused by a probe or by other models of
   * the endpoint.
   */
  isLastResort(candidate: Candidate): boolean {
    return (
      this.#isServing(candidate) && this.coolDowns.ownLeftMs(candidate) === 0 && !this.#isWilling(candidate)
    )
  }

  /**
   * Reserves the next last-resort request of an endpoint.
   * @returns 0 if reserved, else milliseconds until the next one is allowed
   */
  takeLastResort(slot: number): number {
    const nowMs = this.#clock.monotonicMs()
    const lastMs = this.#lastResortAtMs[slot] ?? 0
    const intervalMs = this.registry.status(slot) === 'offline' ? offlineIntervalMs : lastResortIntervalMs
    const waitMs = lastMs === 0 ? 0 : lastMs + intervalMs - nowMs
    if (waitMs > 0) return waitMs
    this.#lastResortAtMs[slot] = nowMs
    return 0
  }

  /** Whether the endpoint served recently and is down, so that it may be restarting. */
  mayReturn({ endpoint: { slot } }: Candidate): boolean {
    const status = this.registry.status(slot)
    if (status !== 'offline' && status !== 'unhealthy') return false
    const outageMs = this.registry.outageMs(slot)
    return outageMs !== undefined && outageMs < shortOutageMs
  }

  /**
   * Whether the endpoint is down and its machine can be woken.
   * @returns milliseconds that a request waits for it; 0 if it cannot
   */
  wakeWaitMs({ endpoint: { slot, wake } }: Candidate): number {
    if (wake === undefined || this.registry.service(slot) !== 'serving') return 0
    const status = this.registry.status(slot)
    return status === 'offline' || status === 'unhealthy' ? wake.waitMs : 0
  }

  /** Seconds until the first candidate may take requests again, as far as known; at least 1. */
  retryAfterSeconds(candidates: readonly Candidate[]): number {
    let soonestMs = Number.POSITIVE_INFINITY
    for (const candidate of candidates) {
      const coolingMs = this.coolDowns.leftMs(candidate)
      const openMs = this.#breakers.retryInMs(candidate)
      const probeMs = this.#health.retryInMs(candidate.endpoint.slot)
      soonestMs = Math.min(soonestMs, Math.max(coolingMs, openMs, probeMs))
    }
    return Number.isFinite(soonestMs) ? Math.max(1, Math.ceil(soonestMs / 1000)) : 1
  }

  #isServing({ endpoint }: Candidate): boolean {
    return this.registry.service(endpoint.slot) === 'serving'
  }

  #isWilling(candidate: Candidate): boolean {
    return (
      this.registry.isRoutable(candidate.endpoint.slot) &&
      this.coolDowns.leftMs(candidate) === 0 &&
      this.#breakers.wouldAdmit(candidate)
    )
  }

  #isAtLimit({ endpoint: { slot, maxConcurrent } }: Candidate): boolean {
    if (maxConcurrent === 0) return false
    return this.#gauge.value(slot) >= (this.#places?.limitOf(slot, maxConcurrent) ?? maxConcurrent)
  }
}
