import type { Endpoint } from '../endpoint/endpoint.ts'
import type { Candidate, EndpointLoad } from '../selection/selector.ts'

/** The endpoints that could take a request now, and what they have to do all together. */
export interface FairLoad<C extends Candidate> {
  /** Of the highest tier that can take it. */
  readonly able: readonly C[]
  /** Requests under way, and those that failures count for. */
  readonly requests: number
  /** Sum of the weights that count now. */
  readonly weight: number
}

/** Requests under way, and those that failures count for. */
export function loadOf({ slot }: Endpoint, load: EndpointLoad): number {
  return load.inFlight(slot) + load.penalty(slot)
}

/** The part of an endpoint's weight that counts now. */
export function weightOf({ slot, weight }: Endpoint, load: EndpointLoad): number {
  return weight * load.share(slot)
}

export function fairLoad<C extends Candidate>(
  candidates: readonly C[],
  load: EndpointLoad,
  excluded: ReadonlySet<number> | undefined,
  priorityTiers: boolean,
): FairLoad<C> {
  let able: C[] = []
  let top = Number.NEGATIVE_INFINITY
  for (const candidate of candidates) {
    const { priority, slot } = candidate.endpoint
    if ((priorityTiers && priority < top) || excluded?.has(slot) || !load.admits(candidate.endpoint)) continue
    if (priorityTiers && priority > top) able = []
    top = Math.max(top, priority)
    able.push(candidate)
  }
  let requests = 0
  let weight = 0
  for (const { endpoint } of able) {
    requests += loadOf(endpoint, load)
    weight += weightOf(endpoint, load)
  }
  return { able, requests, weight }
}

/**
 * How much an endpoint may have before a cache is no reason any more to give it another one: `bound` times its
 * part of the whole, and one. Consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018)
 * asks the same of a ring; the one is there because an idle fleet could not begin otherwise.
 * @param bound a factor of at least 1; 0 is no bound
 * @param whole what all have together
 * @param part the endpoint's own weight among that of all, 0 to 1
 */
export function fairLimit(bound: number, whole: number, part: number): number {
  return bound === 0 ? Number.POSITIVE_INFINITY : bound * whole * part + 1
}
