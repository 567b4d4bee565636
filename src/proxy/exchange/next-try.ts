import type { SectionOptions } from '../../config/options/sections.ts'
import { type AttemptFailure, neverSent } from '../../endpoints/connections/failure.ts'
import { failureEvidence } from '../../endpoints/resilience/evidence.ts'
import type { RetryPolicy } from '../../endpoints/resilience/retry-policy.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { WaitingLine } from '../../routing/line/waiting-line.ts'
import type { LiveLoad } from '../../routing/selection/live-load.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import type { Attempt } from './attempt.ts'
import { type CandidateRounds, retryAfterMarginMs, type TakenEndpoint } from './candidate-rounds.ts'
import { wakeCandidates } from './wake-candidates.ts'

/** Services that the decision about another attempt uses. */
export interface NextTryServices {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly options: Pick<SectionOptions<'proxy'>, 'maxAttempts' | 'outageWaitMs'>
  readonly retries: Pick<RetryPolicy, 'spend'>
  readonly queue: Pick<WaitingLine, 'hasRoom'>
  readonly load: Pick<LiveLoad, 'wakeWaitMs'>
  /** Wakes the machine of an endpoint; absent if none can be woken. */
  readonly wake?: ((slot: number) => void) | undefined
}

/**
 * How a request continues if no candidate accepts it in the ordinary way.
 *
 * - `send`: tries a candidate despite its status or open circuit
 * - `back_off`: another round starts after a wait
 * - `line`: a candidate pauses and is back in time
 * - `outage`: all candidates are down, or may not be tried yet; one of them may be back soon
 */
export type NextStep =
  | { readonly kind: 'send'; readonly taken: TakenEndpoint }
  | { readonly kind: 'back_off'; readonly waitMs: number }
  | { readonly kind: 'line'; readonly recheckInMs: number }
  | { readonly kind: 'outage'; readonly untilMs: number; readonly recheckInMs: number }

/** Deadlines of a request, monotonic milliseconds. */
export interface RequestLimits {
  readonly totalMs: number
  /** How long it may wait in the queue. */
  readonly queueMs: number
}

/** First interval at which a request that waits out an outage tries again; doubled each time, up to one second. */
const firstRecheckMs = 250
const maxRecheckMs = 1_000
/**
 * How long a request waits for the gateway's own resources, and its first retry interval: doubled up to
 * `maxShortageMs`.
 */
const shortageWaitMs = 3_000
const firstShortageMs = 50
const maxShortageMs = 500
/** A probe follows the end of a pause; it takes time. */
const minRecheckMs = 100

/** Decides whether, when and on which endpoint a request is tried again. */
export class NextTry {
  readonly #services: NextTryServices
  readonly #request: Pick<ExchangeRequest, 'routing'>
  readonly #rounds: CandidateRounds
  /** Number of attempts that may have reached an endpoint. */
  #sent = 0
  #outageUntilMs: number | undefined
  /** How long it waits for machines that were woken. */
  #wakeWaitMs = 0
  #checks = 0
  #shortageUntilMs: number | undefined
  #shortages = 0

  constructor(services: NextTryServices, request: Pick<ExchangeRequest, 'routing'>, rounds: CandidateRounds) {
    this.#services = services
    this.#request = request
    this.#rounds = rounds
  }

  /**
   * What follows a failed attempt.
   * @returns milliseconds to wait; 0 tries the next candidate at once, undefined ends the request
   */
  after(attempt: Attempt, failure: AttemptFailure, limits: RequestLimits): number | undefined {
    const isUnsent = neverSent(failure.kind)
    if (!isUnsent) this.#sent++
    this.#rounds.leave(attempt.target, failure)
    if (failureEvidence(failure).movesOn === 'never' || this.#hasHadAll(isUnsent)) return undefined
    const waitMs = this.#waitAfter(failure, limits)
    if (waitMs === undefined) return undefined
    // A request that was never sent cost nothing. Each request may try one more endpoint, whatever others have spent:
    // at most that doubles the load, and an exhausted budget prevents no failover.
    const isFree = isUnsent || (this.#sent === 1 && waitMs === 0)
    return isFree || this.#services.retries.spend() ? waitMs : undefined
  }

  /** What follows when every candidate was tried or cannot accept the request. */
  atRoundEnd(limits: RequestLimits, hasAnswer: boolean): NextStep | undefined {
    this.#wakeWaitMs = this.#wake()
    const taken = this.#rounds.takeLastResort()
    if (typeof taken === 'object') return { kind: 'send', taken }
    const waitMs =
      this.#shortageWait(limits) ?? (this.attemptsLeft > 0 ? this.#nextRoundIn(limits) : undefined)
    if (waitMs !== undefined) return { kind: 'back_off', waitMs }
    const pauseMs = this.#rounds.pauseEndsInMs(limits.queueMs)
    if (pauseMs !== undefined) {
      return { kind: 'line', recheckInMs: Math.max(minRecheckMs, pauseMs + retryAfterMarginMs) }
    }
    // An endpoint's answer is worth more than another attempt much later.
    return hasAnswer ? undefined : this.#waitForOutage(limits, taken)
  }

  /** Records another try of a request that waits for an endpoint that is down. */
  rechecks(): void {
    if (this.#outageUntilMs !== undefined) this.#rounds.retryUnsent()
  }

  /** Number of attempts that may still reach an endpoint. */
  get attemptsLeft(): number {
    return this.#services.options.maxAttempts - this.#sent
  }

  #hasHadAll(isUnsent: boolean): boolean {
    return !isUnsent && this.attemptsLeft <= 0
  }

  #waitAfter(failure: AttemptFailure, limits: RequestLimits): number | undefined {
    const rounds = this.#rounds
    // If all were busy a moment ago, a wait helps more than an immediate retry of all.
    const isBusyAgain = rounds.isRepeating && failureEvidence(failure).repeated === 'rounds'
    if (isBusyAgain && this.attemptsLeft <= rounds.roundsLeft) {
      const waitMs = this.#nextRoundIn(limits)
      if (waitMs !== undefined) return waitMs
    }
    if (rounds.anyUntried() || rounds.anyLastResort()) return 0
    const waitMs = this.#shortageWait(limits) ?? this.#nextRoundIn(limits)
    if (waitMs !== undefined) return waitMs
    if (!this.#services.queue.hasRoom) return undefined
    return rounds.pauseEndsInMs(limits.queueMs) !== undefined || this.#mayWaitForOutage(limits)
      ? 0
      : undefined
  }

  #nextRoundIn({ totalMs }: RequestLimits): number | undefined {
    return this.#rounds.waitForNext(totalMs, this.attemptsLeft)
  }

  /**
   * @returns milliseconds until the gateway may have the resource that it lacked; undefined if it lacked none or the
   *   wait is too long
   */
  #shortageWait({ totalMs }: RequestLimits): number | undefined {
    if (!this.#rounds.isShort) return undefined
    const nowMs = this.#services.clock.monotonicMs()
    this.#shortageUntilMs ??= Math.min(totalMs, nowMs + shortageWaitMs)
    const waitMs = Math.min(maxShortageMs, firstShortageMs * 2 ** this.#shortages++)
    return nowMs + waitMs <= this.#shortageUntilMs ? waitMs : undefined
  }

  #mayWaitForOutage(limits: RequestLimits): boolean {
    const untilMs = this.#outageEnd(limits)
    return this.#someMayReturn && this.#services.clock.monotonicMs() < untilMs
  }

  #outageEnd({ totalMs }: RequestLimits): number {
    const { clock, options } = this.#services
    const waitMs = Math.max(options.outageWaitMs, this.#wakeWaitMs)
    return Math.min(totalMs, this.#outageUntilMs ?? clock.monotonicMs() + waitMs)
  }

  #wake(): number {
    const { load, wake } = this.#services
    return wake === undefined ? 0 : wakeCandidates(this.#request.routing.tiers, load, wake)
  }

  get #someMayReturn(): boolean {
    return this.#wakeWaitMs > 0 || this.#rounds.someMayReturn()
  }

  /** @param turnInMs milliseconds until a last resort may be tried; undefined if there is none */
  #waitForOutage(limits: RequestLimits, turnInMs: number | undefined): NextStep | undefined {
    if (turnInMs === undefined && !this.#someMayReturn) return undefined
    const nowMs = this.#services.clock.monotonicMs()
    const untilMs = this.#outageEnd(limits)
    if (nowMs >= untilMs) return undefined
    this.#outageUntilMs = untilMs
    const recheckInMs = turnInMs ?? Math.min(maxRecheckMs, firstRecheckMs * 2 ** this.#checks++)
    return { kind: 'outage', untilMs, recheckInMs: Math.min(recheckInMs, untilMs - nowMs) }
  }
}
