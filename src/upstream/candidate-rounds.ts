import type { RoutedEndpoint, Tier } from '../model/routing.ts'
import { tellRoute } from '../request/routing-headers.ts'
import type { CandidatePermit } from '../resilience/circuit-breakers.ts'
import { preferWarm } from '../selection/warm-preference.ts'
import type { ExchangeRequest } from './exchange-request.ts'
import type { ExchangeServices } from './exchange-services.ts'
import { type AttemptFailure, neverSent } from './failure.ts'
import type { Outlook } from './give-up.ts'

/** An endpoint that has taken the request: its place and its circuit's permit are held. */
export interface TakenEndpoint {
  readonly target: RoutedEndpoint
  readonly permit: CandidatePermit
}

/**
 * Most choices in a row: an endpoint that was full at one may not be any more, since another thread has given a place
 * back.
 */
export const mostLooks = 8
/** Timers may fire early by a millisecond or so; the endpoint must be back when the wait is over. */
const retryAfterMarginMs = 20

/**
 * Which candidate a request tries next: of the first tier that has one left. In one round every candidate is tried at
 * most once; another round begins after a wait, as often as the retry policy allows.
 */
export class CandidateRounds {
  readonly candidates: readonly RoutedEndpoint[]
  readonly #tiers: readonly Tier[]
  readonly #services: ExchangeServices
  readonly #request: ExchangeRequest
  /** Slots by tier: an endpoint may stand in two tiers with two models. */
  #tried: (Set<number> | undefined)[] | undefined
  #round = 0

  constructor(services: ExchangeServices, request: ExchangeRequest) {
    this.#services = services
    this.#request = request
    this.candidates = request.routing.candidates
    this.#tiers = request.routing.tiers
  }

  /** Takes a place on the next endpoint. @returns undefined where none can take the request now */
  take(): TakenEndpoint | undefined {
    const tiers = this.#tiers
    for (let at = 0; at < tiers.length; at++) {
      const tier = tiers[at]
      if (tier === undefined) continue
      const taken = this.#takeOf(tier.candidates, at)
      if (taken !== undefined) {
        if (tiers.length > 1 || tier.route !== undefined) this.#tell(tier)
        return taken
      }
      if (!tier.spillsWhenFull && this.#someAreFullIn(at)) return undefined
    }
    return undefined
  }

  #takeOf(candidates: readonly RoutedEndpoint[], at: number): TakenEndpoint | undefined {
    const { breakers, inFlight } = this.#services
    for (;;) {
      const target = this.#preferred(candidates, at) ?? this.#selected(candidates, at)
      if (target === undefined) return undefined
      const { slot, maxConcurrent } = target.endpoint
      const permit = breakers.acquire(target)
      if (permit === 'refused') {
        this.#leaveTier(at, slot)
        continue
      }
      if (inFlight.acquire(slot, maxConcurrent)) return { target, permit }
      // Another thread took the last place since the selector looked.
      breakers.release(target, permit)
      return undefined
    }
  }

  /** Where this request's companions went, if that endpoint can take it now. */
  #preferred(candidates: readonly RoutedEndpoint[], at: number): RoutedEndpoint | undefined {
    const { affinity, load } = this.#services
    const tried = this.#tried?.[at]
    const preferred = affinity?.prefer(this.#request, candidates, tried)
    if (preferred === undefined || tried?.has(preferred.endpoint.slot)) return undefined
    return load.admits(preferred) ? preferred : undefined
  }

  #selected(candidates: readonly RoutedEndpoint[], at: number): RoutedEndpoint | undefined {
    const { selector, load, options } = this.#services
    const tried = this.#tried?.[at]
    const chosen = selector.select(candidates, tried)
    if (chosen?.isWarm !== false) return chosen
    const select = (warm: readonly RoutedEndpoint[]) => selector.select(warm, tried)
    return preferWarm(chosen, candidates, select, load, options.warmMargin)
  }

  /** No more of this candidate in this round. */
  leave(target: RoutedEndpoint): void {
    this.#leaveTier(this.#tierOf(target), target.endpoint.slot)
  }

  wants(slot: number): boolean {
    return this.#some(({ endpoint }) => endpoint.slot === slot)
  }

  /** Whether some endpoint would take the request but for its `max_concurrent`. */
  someAreFull(): boolean {
    return this.#tiers.some((_, at) => this.#someAreFullIn(at))
  }

  /** Whether a candidate is left in this round, now or when a place becomes free. */
  someAreLeft(): boolean {
    const { load } = this.#services
    return this.#some((candidate) => load.admits(candidate) || load.isFull(candidate))
  }

  /**
   * Milliseconds until another round would be worth it.
   * @param latestMs monotonic time by which it must begin
   * @returns undefined where it would not help, or is not allowed
   */
  waitForNext(failure: AttemptFailure, latestMs: number): number | undefined {
    if (neverSent(failure.kind) || failure.kind === 'total_timeout') return undefined
    const { retries, clock } = this.#services
    const waitMs = retries.waitBeforeRound(this.#round + 1, failure.retryAfterMs)
    if (waitMs === undefined || clock.monotonicMs() + waitMs >= latestMs) return undefined
    return failure.retryAfterMs === undefined ? waitMs : waitMs + retryAfterMarginMs
  }

  /**
   * Whether all who are left in this round pause, and one of them is back in time.
   * @param latestMs monotonic time
   */
  somePauseEndsBy(latestMs: number): boolean {
    const { load, clock } = this.#services
    const mostMs = latestMs - clock.monotonicMs() - retryAfterMarginMs
    return !this.someAreLeft() && this.#some((candidate) => load.pauseMs(candidate) < mostMs)
  }

  /** What a client that gets nothing can be told of them. */
  outlook(): Outlook {
    const { context } = this.#request
    const someAreFull = this.someAreFull()
    if (context.attemptCount === 0 && !someAreFull) this.#tellRejected()
    return {
      someAreFull,
      retryAfterSeconds: this.#services.load.retryAfterSeconds(
        this.#tiers.flatMap(({ candidates }) => candidates),
      ),
      model: context.model,
    }
  }

  /** Not one endpoint could be asked: that is what a rejection says. */
  #tellRejected(): void {
    const { context } = this.#request
    if (context.routingDecision === 'rejected') return
    const reason = context.model === undefined ? 'no_healthy_endpoints' : 'model_unavailable'
    tellRoute(context, { strategy: context.routingStrategy, decision: 'rejected', reason })
  }

  beginNext(): void {
    this.#round++
    this.#tried = undefined
  }

  #someAreFullIn(at: number): boolean {
    const { load } = this.#services
    return this.#someOf(at, (candidate) => load.isFull(candidate))
  }

  #tell({ route }: Tier): void {
    const { context, routing } = this.#request
    const { strategy, decision, reason } = route ?? routing
    if (context.routingReason !== reason) tellRoute(context, { strategy, decision, reason })
  }

  #tierOf(target: RoutedEndpoint): number {
    if (this.#tiers.length === 1) return 0
    return this.#tiers.findIndex(({ candidates }) => candidates.includes(target))
  }

  #leaveTier(at: number, slot: number): void {
    this.#tried ??= []
    this.#tried[at] ??= new Set()
    this.#tried[at].add(slot)
  }

  #some(condition: (candidate: RoutedEndpoint) => boolean): boolean {
    return this.#tiers.some((_, at) => this.#someOf(at, condition))
  }

  #someOf(at: number, condition: (candidate: RoutedEndpoint) => boolean): boolean {
    const tried = this.#tried?.[at]
    const candidates = this.#tiers[at]?.candidates ?? []
    return candidates.some(
      (candidate) => tried?.has(candidate.endpoint.slot) !== true && condition(candidate),
    )
  }
}
