import type { SectionOptions } from '../../config/options/sections.ts'
import type { AttemptFailure } from '../../endpoints/connections/failure.ts'
import type { CandidatePermit, CircuitBreakers } from '../../endpoints/resilience/circuit-breakers.ts'
import { failureEvidence } from '../../endpoints/resilience/evidence.ts'
import type { RetryPolicy } from '../../endpoints/resilience/retry-policy.ts'
import type { Gauge } from '../../kernel/cells/gauge.ts'
import type { Clock } from '../../kernel/clock.ts'
import { acquirePlace, type LeftPlaces, leftPlaces } from '../../routing/line/left-places.ts'
import type { RoutedEndpoint, Tier } from '../../routing/models/routing.ts'
import type { LiveLoad } from '../../routing/selection/live-load.ts'
import type { PlaceLimits } from '../../routing/selection/place-limits.ts'
import type { ReservedShares } from '../../routing/selection/place-reserve.ts'
import type { EndpointSelector } from '../../routing/selection/selector.ts'
import { preferWarm } from '../../routing/selection/warm-preference.ts'
import type { Affinity } from '../contract/affinity.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import { noteRoute, noteUntried } from '../request/routing-headers.ts'
import type { AttemptEstimates, Standing } from './attempt-estimates.ts'
import { candidatesAt, groupOf, untriedGroups } from './candidate-groups.ts'
import type { Outlook } from './give-up.ts'

/** An endpoint that accepted the request: its place and its circuit's permit are held. */
export interface TakenEndpoint {
  readonly target: RoutedEndpoint
  readonly permit: CandidatePermit
}

/** Services that choosing a candidate uses. */
export interface ChoiceServices {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly options: Pick<SectionOptions<'proxy'>, 'warmMargin'> & { readonly reservedPlaces?: ReservedShares }
  readonly affinity?: Pick<Affinity, 'prefer'> | undefined
  readonly selector: Pick<EndpointSelector, 'select' | 'weighsLoading'>
  /** Undefined unless the time to the first token is estimated. */
  readonly estimates?: Pick<AttemptEstimates, 'featuresOf' | 'patienceMs'> | undefined
  readonly load: LiveLoad
  readonly breakers: Pick<CircuitBreakers, 'acquire' | 'release'>
  readonly inFlight: Pick<Gauge, 'acquire' | 'release' | 'value'>
  /** Of a gateway that is one replica of several. */
  readonly places?: Pick<PlaceLimits, 'acquire' | 'limitOf'> | undefined
  readonly retries: Pick<RetryPolicy, 'maxRounds' | 'maxWaitMs' | 'waitBeforeRound'>
}

/**
 * Maximum number of consecutive choices: an endpoint that was at capacity may have a slot by the next one, because
 * another thread has released one.
 */
export const maxPicks = 8
/** Timers may fire about a millisecond early; the endpoint must be back when the wait is over. */
export const retryAfterMarginMs = 20

const noCandidates: readonly RoutedEndpoint[] = []

/**
 * Chooses the candidate that a request tries next, from the first tier that has one left. In one round every candidate
 * is tried at most once; another round starts after a wait, as often as the retry policy allows.
 */
export class CandidateRounds {
  #tiers: readonly Tier[]
  readonly #services: ChoiceServices
  readonly #request: ExchangeRequest
  readonly #standing: Standing
  /** Tried slots by tier: an endpoint may be in two tiers with two models. */
  #tried: (Set<number> | undefined)[] | undefined
  #round = 0
  /** The last failure of this round that another round may resolve. */
  #repeatable: AttemptFailure | undefined
  #failedSlots: Set<number> | undefined
  /** Candidates for which another round would not help. */
  #spent = noCandidates
  /** Candidates that could not be reached in this round. */
  #unsent = noCandidates
  /** Tiers and priorities in which a candidate failed. */
  #failedGroups: Set<string> | undefined
  #someFailedOtherwise = false
  #isShort = false
  /** How long waiting for a full candidate is better than the free one that the last choice found; milliseconds. */
  patienceMs: number | undefined
  /** Undefined if the request leaves no place to higher classes. */
  readonly #left: LeftPlaces | undefined

  /** @param standing of the request in the waiting line */
  constructor(services: ChoiceServices, request: ExchangeRequest, standing: Standing) {
    this.#standing = standing
    this.#services = services
    this.#request = request
    this.#tiers = request.routing.tiers
    this.#left = leftPlaces(services, request.context.identity?.priority)
  }

  /** @param slot endpoint at which the request may use places that are reserved for higher classes; undefined: none */
  set openSlot(slot: number | undefined) {
    if (this.#left !== undefined) this.#left.openSlot = slot
  }

  /**
   * Takes a slot on the next endpoint.
   * @param attemptsLeft including this one
   * @returns undefined if none can accept the request now
   */
  take(attemptsLeft: number): TakenEndpoint | undefined {
    const tiers = this.#tiers
    if (this.#failedGroups !== undefined) {
      const taken = this.#takeOfOthers(attemptsLeft)
      if (taken !== undefined) return taken
    }
    for (let at = 0; at < tiers.length; at++) {
      const tier = tiers[at]
      if (tier === undefined) continue
      const taken = this.#takeOf(tier.candidates, at)
      if (taken !== undefined) {
        if (tiers.length > 1 || tier.route !== undefined) this.#noteTier(tier)
        return taken
      }
      if (!tier.spillsWhenFull && this.#isAtCapacityIn(at)) return undefined
    }
    return undefined
  }

  /**
   * Reserves the last attempts for tiers and priorities that were not tried yet: many failing endpoints in one of them
   * must not keep a request from the others.
   */
  #takeOfOthers(attemptsLeft: number): TakenEndpoint | undefined {
    const groups = untriedGroups(this.#tiers, this.#failedGroups, this.#services.load)
    if (groups.size < attemptsLeft) return undefined
    for (const { at, candidates } of groups.values()) {
      const taken = this.#takeOf(candidates, at)
      const tier = this.#tiers[at]
      if (taken === undefined || tier === undefined) continue
      this.#noteTier(tier)
      return taken
    }
    return undefined
  }

  #takeOf(candidates: readonly RoutedEndpoint[], at: number): TakenEndpoint | undefined {
    const { breakers } = this.#services
    for (;;) {
      const target = this.#preferred(candidates, at) ?? this.#selected(candidates, at)
      if (target === undefined || this.#keepsWaiting(target, candidates, at)) return undefined
      const permit = breakers.acquire(target)
      if (permit === 'refused') {
        this.#leaveTier(at, target.endpoint.slot)
        continue
      }
      if (acquirePlace(this.#services, target, this.#left)) return { target, permit }
      // Another thread took the last place after the selector chose.
      breakers.release(target, permit)
      return undefined
    }
  }

  #isFull(candidate: RoutedEndpoint): boolean {
    const { load } = this.#services
    return load.isFull(candidate) || (this.#left?.isShutAt(candidate) === true && load.admits(candidate))
  }

  /** Whether a full candidate is expected to answer earlier than this free one. */
  #keepsWaiting(free: RoutedEndpoint, candidates: readonly RoutedEndpoint[], at: number): boolean {
    const { estimates } = this.#services
    if (estimates === undefined) return false
    this.patienceMs = undefined
    const tried = this.#tried?.[at]
    const full = candidates.filter((each) => this.#isFull(each) && tried?.has(each.endpoint.slot) !== true)
    if (full.length > 0) this.patienceMs = estimates.patienceMs(this.#request, free, full, this.#standing)
    return this.patienceMs !== undefined
  }

  /** The endpoint that the affinity prefers, if it can accept the request now. */
  #preferred(candidates: readonly RoutedEndpoint[], at: number): RoutedEndpoint | undefined {
    const { affinity, load } = this.#services
    const tried = this.#tried?.[at]
    const preferred = affinity?.prefer(this.#request, candidates, tried)
    if (preferred === undefined || tried?.has(preferred.endpoint.slot)) return undefined
    return load.admits(preferred) && this.#left?.isShutAt(preferred) !== true ? preferred : undefined
  }

  #selected(candidates: readonly RoutedEndpoint[], at: number): RoutedEndpoint | undefined {
    const { selector, load, options, estimates } = this.#services
    const tried = this.#tried?.[at]
    const excluded = this.#left === undefined ? tried : this.#left.excluded(candidates, tried)
    const chosen = selector.select(candidates, excluded, estimates?.featuresOf(this.#request))
    if (chosen?.isWarm !== false || selector.weighsLoading === true) return chosen
    const select = (warm: readonly RoutedEndpoint[]) => selector.select(warm, excluded)
    return preferWarm(chosen, candidates, select, load, options.warmMargin)
  }

  /** Excludes this candidate from the round, or from all rounds if the failure would only repeat. */
  leave(target: RoutedEndpoint, failure: AttemptFailure): void {
    const { repeated } = failureEvidence(failure)
    const at = this.#tierOf(target)
    if (failure.kind !== 'path_missing') this.#someFailedOtherwise = true
    this.#leaveTier(at, target.endpoint.slot)
    this.#failedGroups ??= new Set()
    this.#failedGroups.add(groupOf(at, target))
    this.#failedSlots ??= new Set()
    this.#failedSlots.add(target.endpoint.slot)
    if (failure.kind === 'shortage') this.#isShort = true
    if (repeated === 'waits') this.#unsent = [...this.#unsent, target]
    else if (repeated === 'never') this.#spent = [...this.#spent, target]
    else this.#repeatable = failure
  }

  /**
   * Takes a slot on a candidate that is excluded only by its status or an open circuit.
   * @returns milliseconds until one of them may be tried; undefined if there is none
   */
  takeLastResort(): TakenEndpoint | number | undefined {
    const { load } = this.#services
    let waitMs: number | undefined
    for (const [at, tier] of this.#tiers.entries()) {
      for (const target of tier.candidates) {
        const { slot } = target.endpoint
        if (this.#tried?.[at]?.has(slot) || !load.isLastResort(target)) continue
        const turnInMs = load.takeLastResort(slot)
        if (turnInMs > 0) {
          waitMs = Math.min(waitMs ?? turnInMs, turnInMs)
        } else if (acquirePlace(this.#services, target, this.#left)) {
          if (this.#tiers.length > 1 || tier.route !== undefined) this.#noteTier(tier)
          return { target, permit: 'forced' }
        }
      }
    }
    return waitMs
  }

  /** Whether a candidate is left that could be tried as a last resort. */
  anyLastResort(): boolean {
    const { load } = this.#services
    return this.#some((candidate) => load.isLastResort(candidate))
  }

  /** Whether an endpoint that served recently is down: it may be restarting. */
  someMayReturn(): boolean {
    const { load } = this.#services
    return this.#tiers.some(({ candidates }) => candidates.some((candidate) => load.mayReturn(candidate)))
  }

  /** Makes candidates that could not be reached available again. */
  retryUnsent(): void {
    for (const { endpoint } of this.#unsent)
      for (const tried of this.#tried ?? []) tried?.delete(endpoint.slot)
    this.#unsent = noCandidates
    this.#isShort = false
  }

  /** Whether a candidate could not be tried because the gateway itself lacked resources. */
  get isShort(): boolean {
    return this.#isShort
  }

  /** Continues with the candidates of another outcome. Those that were tried in this round stay tried. */
  moveTo(tiers: readonly Tier[]): void {
    const tried = (this.#tried ?? []).flatMap((slots) => [...(slots ?? [])])
    const spent = new Set(this.#spent.map(({ endpoint }) => endpoint.slot))
    this.#tiers = tiers
    this.#tried = tried.length === 0 ? undefined : tiers.map(() => new Set(tried))
    this.#spent = candidatesAt(tiers, spent)
    this.#unsent = noCandidates
    this.#failedGroups = undefined
  }

  wants(slot: number): boolean {
    return this.#some(({ endpoint }) => endpoint.slot === slot)
  }

  /** Whether some endpoint would accept the request except for its `max_concurrent`. */
  anyAtCapacity(): boolean {
    return this.#tiers.some((_, at) => this.#isAtCapacityIn(at))
  }

  /** Whether a candidate is left in this round, now or when a slot is released. */
  anyUntried(): boolean {
    const { load } = this.#services
    return this.#some((candidate) => load.admits(candidate) || load.isFull(candidate))
  }

  /** Whether a candidate failed for another reason than a missing path. */
  get someFailedOtherwise(): boolean {
    return this.#someFailedOtherwise
  }

  /** Number of rounds left. */
  get roundsLeft(): number {
    return this.#services.retries.maxRounds - this.#round
  }

  /** Whether this round repeats an earlier one. */
  get isRepeating(): boolean {
    return this.#round > 0
  }

  /**
   * Milliseconds until another round is worthwhile.
   * @param latestMs monotonic time by which it must start
   * @param attemptsLeft if few, they are spread over the time that all rounds together would take
   * @returns undefined if another round would not help or is not allowed
   */
  waitForNext(latestMs: number, attemptsLeft: number): number | undefined {
    const failure = this.#repeatable
    if (failure === undefined) return undefined
    // A failure that repeats on another endpoint, or twice on one, is caused by the request.
    const isOnce = failureEvidence(failure).repeated === 'once'
    if (isOnce && (this.#round > 0 || (this.#failedSlots?.size ?? 0) > 1)) return undefined
    const { retries, clock } = this.#services
    const next = isOnce ? this.#round + 1 : Math.max(this.#round + 1, retries.maxRounds + 1 - attemptsLeft)
    const waitMs = retries.waitBeforeRound(next, failure.retryAfterMs)
    if (waitMs === undefined || clock.monotonicMs() + waitMs >= latestMs) return undefined
    return failure.retryAfterMs === undefined ? waitMs : waitMs + retryAfterMarginMs
  }

  /**
   * When all candidates left in this round pause: milliseconds until the first of them is back. The request waits in
   * the queue for one with `max_concurrent`, and for one without as long as for a `Retry-After`.
   * @param latestMs monotonic time
   * @returns undefined if no candidate is back in time
   */
  pauseEndsInMs(latestMs: number): number | undefined {
    if (this.anyUntried()) return undefined
    const { load, clock, retries } = this.#services
    const inQueueMs = latestMs - clock.monotonicMs() - retryAfterMarginMs
    const unlimitedMs = Math.min(inQueueMs, retries.maxWaitMs + 1)
    let soonestMs: number | undefined
    this.#some((candidate) => {
      const pauseMs = load.pauseMs(candidate)
      if (pauseMs < (candidate.endpoint.maxConcurrent > 0 ? inQueueMs : unlimitedMs))
        soonestMs = Math.min(soonestMs ?? pauseMs, pauseMs)
      return false
    })
    return soonestMs
  }

  /** The headers report how this candidate was found: another one may have been tried since. */
  noteRoute(target: RoutedEndpoint): void {
    const tier = this.#tiers.length > 1 ? this.#tiers[this.#tierOf(target)] : undefined
    if (tier !== undefined) this.#noteTier(tier)
  }

  /** What to report to a client that gets no answer from any candidate. */
  outlook(): Outlook {
    const { context } = this.#request
    const anyAtCapacity = this.anyAtCapacity()
    if (context.attemptCount === 0 && !anyAtCapacity) noteUntried(context)
    return {
      anyAtCapacity,
      retryAfterSeconds: this.#services.load.retryAfterSeconds(
        this.#tiers.flatMap(({ candidates }) => candidates),
      ),
      model: context.model,
    }
  }

  /** @param attemptsLeft as in `waitForNext` */
  beginNext(attemptsLeft: number): void {
    this.#round = Math.max(this.#round + 1, this.#services.retries.maxRounds + 1 - attemptsLeft)
    this.#tried = undefined
    this.#unsent = noCandidates
    this.#isShort = false
    this.#repeatable = undefined
    for (const target of this.#spent) this.#leaveTier(this.#tierOf(target), target.endpoint.slot)
  }

  #isAtCapacityIn(at: number): boolean {
    return this.#someOf(at, (candidate) => this.#isFull(candidate))
  }

  #noteTier({ route }: Tier): void {
    const { context, routing } = this.#request
    const { strategy, decision, reason } = route ?? routing
    if (context.routingReason !== reason) noteRoute(context, { strategy, decision, reason })
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
