import type { ClusterReader } from '../../cluster/contract/cluster-cells.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { RoutedEndpoint } from '../models/router.ts'
import type { EndpointLoad, RequestFeatures } from '../selection/selector.ts'
import { connectionCost } from '../selection/strategies.ts'
import type { HeadMemory } from './head-memory.ts'
import type { SessionKey } from './key-sources.ts'
import { createFairLoad, type FairLoad, fairLimit, loadOf, weightOf } from './load-bound.ts'
import type { PrefixChain } from './prefix-chain.ts'
import type { SessionStore } from './session-store.ts'

/** Olla's terms: `hit` if a request goes to the endpoint of its session. */
export const sessionOutcomes = ['hit', 'miss', 'repin', 'disabled'] as const
export type SessionOutcome = (typeof sessionOutcomes)[number]

/**
 * Why the endpoint of a session does not get the request:
 * - `not_a_candidate`: it lacks the model or is unroutable
 * - `draining`: it is out of service, or was removed
 * - `failed`: an attempt on it failed
 * - `not_available`: its circuit is open, it requested a pause, or it is at `max_concurrent`
 * - `lower_priority`: a higher tier can take the request
 * - `not_in_memory`: it has unloaded the model together with the cache
 * - `over_bound`: its load exceeds its share
 */
const refusals = [
  'not_a_candidate',
  'draining',
  'failed',
  'not_available',
  'lower_priority',
  'not_in_memory',
  'over_bound',
] as const
export type SessionRefusal = (typeof refusals)[number]

/** `shared_head`: a new session goes where its tools and system prompt have been computed. */
export const sessionReasons = ['bound', 'no_key', 'new_session', 'shared_head', ...refusals] as const
export type SessionReason = (typeof sessionReasons)[number]

/** A session in the store. */
interface Match {
  readonly slot: number
  readonly key: number
  /** For a conversation: number of messages in the earlier request. */
  readonly messages: number
}

/** Where session affinity wants a request to go, and why. */
export interface SessionDecision {
  readonly outcome: SessionOutcome
  readonly reason: SessionReason
  /** First endpoint to try; undefined leaves the choice to the selector. */
  readonly target: RoutedEndpoint | undefined
  /** The longest known session. */
  readonly match: Match | undefined
  /** The session of an earlier turn. */
  readonly earlier: Match | undefined
}

export interface SessionAffinityOptions {
  /** Whether higher priorities take precedence. */
  readonly priorityTiers: boolean
  /** Multiple of its fair share that an endpoint may have, plus one request; 0 means no bound. */
  readonly loadBound: number
}

/**
 * Whether an endpoint would answer so much later than another one that a session should move; undefined if the load
 * decides.
 */
export type SlowCheck = (
  candidate: RoutedEndpoint,
  candidates: readonly RoutedEndpoint[],
  features: RequestFeatures | undefined,
  loadBound: number,
) => boolean | undefined

type Fair = FairLoad<RoutedEndpoint>
type Excluded = ReadonlySet<number> | undefined

/**
 * Prefers the endpoint whose cache has the request's conversation and remembers which endpoint answered. Prefers only
 * candidates that can take the request now.
 */
export class SessionAffinity {
  readonly store: SessionStore
  readonly #heads: HeadMemory
  readonly #load: EndpointLoad
  #fairLoad: ReturnType<typeof createFairLoad>
  readonly #isOut: (slot: number) => boolean
  readonly #isSlow: SlowCheck | undefined
  readonly #replicas: Pick<ClusterReader, 'isJoined' | 'choose'> | undefined
  options: SessionAffinityOptions

  constructor(
    parts: {
      store: SessionStore
      heads: HeadMemory
      load: EndpointLoad
      /** Whether an endpoint drains or has left. Default: none does. */
      isOutOfService?: (slot: number) => boolean
      /** Replaces the bound of the load. */
      isSlow?: SlowCheck | undefined
      /** Whether other replicas learn of new sessions. Default: there are none. */
      replicas?: Pick<ClusterReader, 'isJoined' | 'choose'> | undefined
    },
    options: SessionAffinityOptions,
  ) {
    this.store = parts.store
    this.#heads = parts.heads
    this.#load = parts.load
    this.#isOut = parts.isOutOfService ?? (() => false)
    this.#isSlow = parts.isSlow
    this.#replicas = parts.replicas
    this.#fairLoad = createFairLoad(parts.load, options.priorityTiers)
    this.options = options
  }

  /** Changes the options of later requests. */
  configure(options: SessionAffinityOptions): void {
    this.options = options
    this.#fairLoad = createFairLoad(this.#load, options.priorityTiers)
  }

  /** Decides without changing anything. @param excluded slots already tried */
  decide(
    key: SessionKey | undefined,
    candidates: readonly RoutedEndpoint[],
    excluded: Excluded,
    features?: RequestFeatures,
  ): SessionDecision {
    if (key === undefined) {
      return {
        outcome: 'disabled',
        reason: 'no_key',
        target: undefined,
        match: undefined,
        earlier: undefined,
      }
    }
    const [match, earlier] = key.chain === undefined ? this.#byKey(key.key) : this.#byPrefix(key.chain)
    const headSlots = this.#headSlots(key)
    if (match === undefined && this.#replicas?.isJoined === false) {
      const target = this.#sameEverywhere(this.#replicas, key, candidates, excluded)
      return { outcome: 'miss', reason: 'new_session', target, match, earlier }
    }
    if (match === undefined && headSlots === undefined) {
      return { outcome: 'miss', reason: 'new_session', target: undefined, match, earlier }
    }
    const fair = this.#fairLoad(candidates, excluded)
    let refusal: SessionRefusal | undefined
    for (const each of [match, earlier]) {
      if (each === undefined) continue
      const candidate = candidates.find(({ endpoint }) => endpoint.slot === each.slot)
      const reason = this.#isOut(each.slot)
        ? 'draining'
        : this.#refusal(candidate, key, fair, excluded, candidates, features)
      if (reason === undefined) {
        return {
          outcome: refusal === undefined ? 'hit' : 'repin',
          reason: refusal ?? 'bound',
          target: candidate,
          match,
          earlier,
        }
      }
      refusal ??= reason
    }
    const found = headSlots === undefined ? undefined : this.#headSharer(headSlots, fair)
    // Estimates account for cached heads.
    const isEstimated =
      found !== undefined && this.#isSlow?.(found, candidates, features, this.options.loadBound) !== undefined
    const sharer = isEstimated ? undefined : found
    return {
      outcome: refusal === undefined ? 'miss' : 'repin',
      reason: refusal ?? (sharer === undefined ? 'new_session' : 'shared_head'),
      target: sharer,
      match,
      earlier,
    }
  }

  /**
   * Binds the session to the endpoint that answered, if the answer is good.
   * @param statusCode below 400 binds; 500 and above unbinds
   * @returns the actual decision
   */
  answered(
    key: SessionKey | undefined,
    decision: SessionDecision,
    slot: number,
    statusCode: number,
  ): SessionDecision {
    if (key === undefined) return decision
    const { match, earlier } = decision
    if (statusCode < 400) this.#bind(key, match, earlier, slot)
    else if (statusCode >= 500 && match?.slot === slot) this.store.delete(match.key)
    return asItTurnedOut(decision, slot)
  }

  /** Unbinds all sessions of an endpoint that lost its caches. @returns their number */
  purge(slot: number): number {
    this.#heads.purge(slot)
    return this.store.purge(slot)
  }

  /** The load bound of an endpoint and its load. */
  bound(slot: number, candidates: readonly RoutedEndpoint[]): { limit: number; load: number } | undefined {
    const candidate = candidates.find(({ endpoint }) => endpoint.slot === slot)
    if (candidate === undefined || !this.#load.admits(candidate)) return undefined
    const fair = this.#fairLoad(candidates, undefined)
    return { limit: this.#limit(candidate.endpoint, fair), load: loadOf(candidate, this.#load) }
  }

  /** The endpoint that every replica chooses for a session, as far as they see the same endpoints. */
  #sameEverywhere(
    cluster: Pick<ClusterReader, 'choose'>,
    { key, chain }: SessionKey,
    candidates: readonly RoutedEndpoint[],
    excluded: Excluded,
  ): RoutedEndpoint | undefined {
    const { able } = this.#fairLoad(candidates, excluded)
    // Of a conversation, what all of its turns begin with.
    const name = cluster.choose(
      String(chain?.keys[chain.headDepth + 1] ?? key),
      able.map(({ endpoint }) => endpoint.name),
    )
    return able.find(({ endpoint }) => endpoint.name === name)
  }

  #byKey(key: number): [Match | undefined, undefined] {
    const slot = this.store.get(key)
    return [slot === undefined ? undefined : { slot, key, messages: 0 }, undefined]
  }

  /**
   * Finds the longest prefix that an earlier request had, and the next shorter one. The head alone is not a
   * conversation.
   */
  #byPrefix({ keys, headDepth }: PrefixChain): [Match | undefined, Match | undefined] {
    let match: Match | undefined
    for (let messages = keys.length - 1; messages > headDepth; messages--) {
      const key = keys[messages] ?? 0
      const slot = this.store.get(key)
      if (slot === undefined) continue
      if (match !== undefined) return [match, { slot, key, messages }]
      match = { slot, key, messages }
    }
    return [match, undefined]
  }

  #refusal(
    candidate: RoutedEndpoint | undefined,
    key: SessionKey,
    fair: Fair,
    excluded: Excluded,
    candidates: readonly RoutedEndpoint[],
    features: RequestFeatures | undefined,
  ): SessionRefusal | undefined {
    if (candidate === undefined) return 'not_a_candidate'
    const { endpoint, isWarm } = candidate
    if (excluded?.has(endpoint.slot)) return 'failed'
    if (!this.#load.admits(candidate)) return 'not_available'
    // Only this endpoint has the stored response; any other can only answer that it does not exist.
    if (key.source === 'previous_response_id') return undefined
    if (endpoint.priority < fair.priority) return 'lower_priority'
    const isSlow = this.#isSlow?.(candidate, candidates, features, this.options.loadBound)
    if (isSlow !== undefined) return isSlow ? 'over_bound' : undefined
    if (isWarm === false && fair.able.some((other) => other.isWarm)) return 'not_in_memory'
    return loadOf(candidate, this.#load) < this.#limit(endpoint, fair) ? undefined : 'over_bound'
  }

  /** Slots that computed the head of a conversation; undefined if it has no head or no endpoint computed it. */
  #headSlots({ chain }: SessionKey): readonly number[] | undefined {
    return chain?.hasHead === true ? this.#heads.slotsOf(chain.keys[chain.headDepth] ?? 0) : undefined
  }

  /**
   * For a new conversation, prefers an endpoint that computed its head, among the endpoints the selector could choose,
   * and only while it has at most its share of sessions: otherwise all conversations would start on one endpoint.
   * Leaves large fleets to the selector, which only samples them.
   */
  #headSharer(slots: readonly number[], fair: Fair): RoutedEndpoint | undefined {
    if (!fair.isWhole || fair.weight <= 0) return undefined
    let lowestCost = Number.POSITIVE_INFINITY
    let sessions = 0
    for (const able of fair.able) {
      lowestCost = Math.min(lowestCost, connectionCost(able, this.#load))
      sessions += this.store.count(able.endpoint.slot)
    }
    let best: RoutedEndpoint | undefined
    let fewest = sessions / fair.weight
    for (const candidate of fair.able) {
      const { endpoint, isWarm } = candidate
      if (isWarm === false || !slots.includes(endpoint.slot)) continue
      if (connectionCost(candidate, this.#load) > lowestCost) continue
      const forWeight = this.store.count(endpoint.slot) / weightOf(endpoint, this.#load)
      if (forWeight < fewest || (best === undefined && forWeight === fewest)) {
        best = candidate
        fewest = forWeight
      }
    }
    return best
  }

  #limit(endpoint: Endpoint, fair: Fair): number {
    return fairLimit(this.options.loadBound, weightOf(endpoint, this.#load), fair)
  }

  #bind(key: SessionKey, match: Match | undefined, earlier: Match | undefined, slot: number): void {
    const { chain } = key
    if (chain === undefined) {
      this.store.set(key.key, slot)
      return
    }
    const messages = chain.keys.length - 1
    if (messages > chain.headDepth) this.store.set(key.key, slot)
    if (chain.hasHead) this.#heads.add(chain.keys[chain.headDepth] ?? 0, slot)
    // Keep two turns, so that the user can edit the last one. More would let a long conversation evict others.
    if (earlier !== undefined && match !== undefined && match.messages < messages)
      this.store.delete(earlier.key)
  }
}

/** Corrects the decision if the selector chose another endpoint. */
function asItTurnedOut(decision: SessionDecision, slot: number): SessionDecision {
  const { match, target, reason } = decision
  if (match === undefined) {
    return reason === 'shared_head' && target?.endpoint.slot !== slot
      ? { ...decision, reason: 'new_session' }
      : decision
  }
  if (match.slot === slot) {
    return reason === 'bound' ? decision : { ...decision, outcome: 'hit', reason: 'bound' }
  }
  return decision.outcome === 'hit' ? { ...decision, outcome: 'repin', reason: 'not_available' } : decision
}
