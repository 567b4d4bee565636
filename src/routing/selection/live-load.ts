import type { AnswerTimes } from '../../endpoints/health/answer-times.ts'
import type { HealthMonitor } from '../../endpoints/health/health-monitor.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { EndpointRegistry } from '../../endpoints/registry/registry.ts'
import type { CircuitBreakers } from '../../endpoints/resilience/circuit-breakers.ts'
import type { CoolDowns } from '../../endpoints/resilience/cool-down.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Gauge } from '../../runtime/cells/gauge.ts'
import type { FailurePenalties } from './failure-penalty.ts'
import type { Candidate, EndpointLoad } from './selector.ts'

/** Shortest time between two requests that an endpoint gets only because nothing else could serve them. */
const lastResortIntervalMs = 50
/** The same for an endpoint that did not answer: it may not answer for long. */
const offlineIntervalMs = 250
/** An answer shows for so long that an endpoint works. */
const answerCountsMs = 10_000
/** An endpoint that is down for longer is not waited for. */
const shortOutageMs = 60_000

/** The endpoints' state as requests find it: shared cells, breakers, cool-downs and penalties in one view. */
export class LiveLoad implements EndpointLoad {
  readonly registry: EndpointRegistry
  readonly #clock: Clock
  readonly #gauge: Gauge
  readonly #breakers: CircuitBreakers
  readonly #health: Pick<HealthMonitor, 'retryInMs'>
  readonly #lastResortAtMs: Float64Array
  readonly #answers: Pick<AnswerTimes, 'hasAnsweredSince'>
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
    /** Shared cells, one for each endpoint: monotonic milliseconds. */
    lastResortAtMs: Float64Array
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
  }

  inFlight(slot: number): number {
    return this.#gauge.value(slot)
  }

  share(slot: number): number {
    return this.registry.share(slot)
  }

  penalty(candidate: Candidate): number {
    const penalty = this.penalties.of(candidate)
    // The trial of a candidate that has been left alone for long must come, however bad it was.
    return penalty > 0 && this.#breakers.isTrialDue(candidate) ? 0 : penalty
  }

  hasJustAnswered({ endpoint: { slot } }: Candidate): boolean {
    return this.#answers.hasAnsweredSince(slot, this.#clock.monotonicMs() - answerCountsMs)
  }

  admits(candidate: Candidate): boolean {
    return this.#isWilling(candidate) && !this.#hasNoPlace(candidate)
  }

  /** Would take the request but for its `max_concurrent`: worth waiting for. */
  isFull(candidate: Candidate): boolean {
    return this.#isWilling(candidate) && this.#hasNoPlace(candidate)
  }

  /** Whether a request that only this endpoint could serve would be sent there, now or in its turn. */
  wouldAsk(endpoint: Endpoint): boolean {
    const candidate = { endpoint }
    return this.#isWilling(candidate) || this.coolDowns.ownLeftMs(candidate) === 0
  }

  /**
   * Milliseconds until a candidate is back from a pause that was asked for (`Retry-After`); `Infinity` where it is not
   * that what keeps it.
   */
  pauseMs(candidate: Candidate): number {
    const { slot } = candidate.endpoint
    const coolingMs = this.coolDowns.leftMs(candidate)
    const isLimited = this.registry.status(slot) === 'rate_limited'
    const isPausing = isLimited || (coolingMs > 0 && this.registry.isRoutable(slot))
    if (!isPausing || !this.#breakers.wouldAdmit(candidate)) {
      return Number.POSITIVE_INFINITY
    }
    // A probe that was limited has set no pause but its own next time.
    return coolingMs || this.#health.retryInMs(slot)
  }

  /**
   * Whether only its status or an open circuit keeps the candidate from a request: worth a try where nothing else can
   * serve it. A pause that was asked for it is kept; one that a probe, or others of the endpoint's models, have brought
   * about is not.
   */
  isLastResort(candidate: Candidate): boolean {
    return this.coolDowns.ownLeftMs(candidate) === 0 && !this.#isWilling(candidate)
  }

  /**
   * Takes the next turn among requests for which the endpoint is the last resort.
   * @returns milliseconds until there is a turn; 0 where this request has it
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

  /** Whether the candidate's endpoint served a short while ago and is down: it may be restarting. */
  mayReturn({ endpoint: { slot } }: Candidate): boolean {
    const status = this.registry.status(slot)
    if (status !== 'offline' && status !== 'unhealthy') return false
    const outageMs = this.registry.outageMs(slot)
    return outageMs !== undefined && outageMs < shortOutageMs
  }

  /** When the first of the candidates may take requests again, as far as is known; at least 1. */
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

  #isWilling(candidate: Candidate): boolean {
    return (
      this.registry.isRoutable(candidate.endpoint.slot) &&
      this.coolDowns.leftMs(candidate) === 0 &&
      this.#breakers.wouldAdmit(candidate)
    )
  }

  #hasNoPlace({ endpoint: { slot, maxConcurrent } }: Candidate): boolean {
    return maxConcurrent > 0 && this.#gauge.value(slot) >= maxConcurrent
  }
}
