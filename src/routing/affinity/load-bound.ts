import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { Candidate, EndpointLoad } from '../selection/selector.ts'
import { createTiers } from '../selection/tiers.ts'

/** The endpoints that can take a request now and their total load. */
export interface FairLoad<C extends Candidate> {
  /** Candidates of the highest tier that can take it; a sample if the tier is large. */
  readonly able: readonly C[]
  /** Whether `able` is the whole tier. */
  readonly isWhole: boolean
  /** Priority of that tier; -Infinity if tiers are off or no endpoint can take it. */
  readonly priority: number
  /** In-flight requests plus penalties. */
  readonly requests: number
  /** Sum of the current weights. */
  readonly weight: number
}

/** Sample size for larger tiers, enough for the average. */
const wholeUpTo = 32

/** In-flight requests plus penalty. */
export function loadOf(candidate: Candidate, load: EndpointLoad): number {
  return load.inFlight(candidate.endpoint.slot) + load.penalty(candidate)
}

/** Current weight of an endpoint. */
export function weightOf({ slot, weight }: Endpoint, load: EndpointLoad): number {
  return weight * load.share(slot)
}

/** @returns a function that reads the load of one request's candidates */
export function createFairLoad(
  load: EndpointLoad,
  priorityTiers: boolean,
): <C extends Candidate>(candidates: readonly C[], excluded: ReadonlySet<number> | undefined) => FairLoad<C> {
  const tiersOf = createTiers({ byPriority: priorityTiers, inOrderUpTo: wholeUpTo })
  return <C extends Candidate>(candidates: readonly C[], excluded: ReadonlySet<number> | undefined) => {
    const able: C[] = []
    let requests = 0
    let weight = 0
    for (const tier of tiersOf(candidates)) {
      for (const place of tier) {
        const candidate = candidates[place]
        if (candidate === undefined || able.length === wholeUpTo) break
        const { endpoint } = candidate
        if (excluded?.has(endpoint.slot) || !load.admits(candidate)) continue
        able.push(candidate)
        requests += loadOf(candidate, load)
        weight += weightOf(endpoint, load)
      }
      if (able.length > 0) {
        const priority = priorityTiers ? (able[0]?.endpoint.priority ?? 0) : Number.NEGATIVE_INFINITY
        return { able, isWhole: tier.length <= wholeUpTo, priority, requests, weight }
      }
    }
    return { able, isWhole: true, priority: Number.NEGATIVE_INFINITY, requests, weight }
  }
}

/**
 * Maximum load of an endpoint above which its cache no longer attracts requests: `bound` times its fair share plus one.
 * Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018) uses the same bound; the plus one lets
 * an idle fleet start.
 * @param bound factor of at least 1; 0 means no bound
 * @param ownWeight current weight of the endpoint
 */
export function fairLimit(
  bound: number,
  ownWeight: number,
  { requests, weight }: Pick<FairLoad<Candidate>, 'requests' | 'weight'>,
): number {
  if (bound === 0) return Number.POSITIVE_INFINITY
  return weight > 0 ? (bound * requests * ownWeight) / weight + 1 : 1
}
