import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { Candidate, EndpointLoad } from '../selection/selector.ts'
import { createTiers } from '../selection/tiers.ts'

/** The endpoints that could take a request now, and what they have to do all together. */
export interface FairLoad<C extends Candidate> {
  /** Of the highest tier that can take it; of a large tier a part. */
  readonly able: readonly C[]
  /** Whether `able` are all of the tier. */
  readonly isWhole: boolean
  /** Of that tier; -Infinity where tiers do not count, or no endpoint can. */
  readonly priority: number
  /** Requests under way, and those that failures count for. */
  readonly requests: number
  /** Sum of the weights that count now. */
  readonly weight: number
}

/** Of larger tiers so many endpoints stand for all: the average needs no more. */
const wholeUpTo = 32

/** Requests under way, and those that failures count for. */
export function loadOf(candidate: Candidate, load: EndpointLoad): number {
  return load.inFlight(candidate.endpoint.slot) + load.penalty(candidate)
}

/** The part of an endpoint's weight that counts now. */
export function weightOf({ slot, weight }: Endpoint, load: EndpointLoad): number {
  return weight * load.share(slot)
}

/** @returns a function that reads the load of the candidates of one request */
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
 * How much an endpoint may have before a cache is no reason any more to give it another request: `bound` times
 * its part of the load, and one. Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018)
 * asks the same of a ring; the one is there because an idle fleet could not begin otherwise.
 * @param bound a factor of at least 1; 0 is no bound
 * @param ownWeight of the endpoint, as it counts now
 */
export function fairLimit(
  bound: number,
  ownWeight: number,
  { requests, weight }: Pick<FairLoad<Candidate>, 'requests' | 'weight'>,
): number {
  if (bound === 0) return Number.POSITIVE_INFINITY
  return weight > 0 ? (bound * requests * ownWeight) / weight + 1 : 1
}
