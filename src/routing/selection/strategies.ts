import type { StrategyName } from '../../config/schema/strategy-names.ts'
import { numbers } from '../../kernel/cells/kinds.ts'
import { cellLayout } from '../../kernel/cells/layout.ts'
import type { Candidate, EndpointLoad, Strategy } from './selector.ts'
import { createTiers } from './tiers.ts'

export const turnCells = cellLayout('turns', ({ endpoints }) => ({
  chosenAt: numbers(endpoints),
  choices: numbers(),
  credits: numbers(endpoints),
}))

export interface StrategyOptions {
  /** Whether lower priorities get traffic only if no higher one can take it. Always on for `priority`. */
  readonly priorityTiers: boolean
  /** Default: local to the strategy. */
  readonly turns?: Turns
}

/**
 * Rotation state per slot. In shared memory (`turnCells`) all threads rotate together; of two simultaneous choices one
 * may be lost, which the next rotation evens out.
 */
export interface Turns {
  /** Sequence number of the last choice of each slot. */
  readonly chosenAt: Float64Array | number[]
  /** One cell: number of choices. */
  readonly choices: Float64Array | number[]
  /** Weighted round robin credit of each slot. */
  readonly credits: Float64Array | number[]
}

/** `expected-latency` needs an estimator: `expectedLatency` creates it. */
export type PlainStrategyName = Exclude<StrategyName, 'expected-latency'>

export function createStrategy(name: PlainStrategyName, options: StrategyOptions): Strategy {
  const turns = options.turns ?? { chosenAt: [], choices: [0], credits: [] }
  switch (name) {
    case 'least-connections':
      return leastConnections(options.priorityTiers, turns)
    case 'round-robin':
      return weightedRotation(options.priorityTiers, turns)
    case 'priority':
      return weightedRotation(true, turns)
  }
}

/** Priority of the highest tier that can take a request; -Infinity if none can or tiers are off. */
function topPriority(
  candidates: readonly Candidate[],
  load: EndpointLoad,
  excluded: ReadonlySet<number> | undefined,
): number {
  let top = Number.NEGATIVE_INFINITY
  for (const candidate of candidates) {
    const { priority, slot } = candidate.endpoint
    if (priority > top && !excluded?.has(slot) && load.admits(candidate)) top = priority
  }
  return top
}

/** Cost of an endpoint whose current weight is zero: any other endpoint is preferred. */
export const weightless = Number.MAX_VALUE

/**
 * Cost of one more request: in-flight requests plus penalty, divided by the weight. The largest number if the weight is
 * zero.
 */
export function connectionCost(candidate: Candidate, load: EndpointLoad): number {
  const { slot, weight: ownWeight } = candidate.endpoint
  const weight = ownWeight * load.share(slot)
  if (weight <= 0) return weightless
  return (load.inFlight(slot) + load.penalty(candidate) + 1) / weight
}

/** After this many failures of a request, candidates that recently answered come first. */
const guessesEnough = 2

/**
 * Rank of a candidate for a request that failed elsewhere, lowest first: attempts are limited, and only one of many
 * endpoints may work. Candidates without recent failures come first; after two failures, those that recently answered.
 */
export function rankOf(candidate: Candidate, load: EndpointLoad, excluded: ReadonlySet<number>): number {
  const failures = Math.floor(load.penalty(candidate))
  if (failures > 0) return failures + 1
  return excluded.size < guessesEnough || load.hasJustAnswered?.(candidate) !== false ? 0 : 1
}

/** Larger tiers are sampled, so that the cost of a choice does not grow with the fleet. */
export const wholeUpTo = 32
/**
 * Sample size for larger tiers. Two samples already keep the busiest endpoint within a few requests of the others (Azar
 * et al., Balanced Allocations, 1994).
 */
const sampleSize = 8

/** Chooses the lowest cost; the least recently chosen candidate breaks ties. */
function leastConnections(tiers: boolean, { chosenAt, choices }: Turns): Strategy {
  const tiersOf = createTiers({ byPriority: tiers, inOrderUpTo: wholeUpTo })
  let position = 0
  return (candidates, load, excluded, dryRun = false) => {
    for (const tier of tiersOf(candidates)) {
      const { length } = tier
      // A request that failed elsewhere needs the best of all candidates, not of a sample.
      const enough = length > wholeUpTo && excluded === undefined ? sampleSize : length
      const start = length > wholeUpTo ? position : 0
      let best: (typeof candidates)[number] | undefined
      let bestRank = 0
      let bestCost = Number.POSITIVE_INFINITY
      let bestTurn = 0
      for (let examined = 0; examined < length && (examined < enough || bestCost >= weightless); examined++) {
        const candidate = candidates[tier[(start + examined) % length] ?? 0]
        if (candidate === undefined) continue
        const { slot } = candidate.endpoint
        if (excluded?.has(slot) || !load.admits(candidate)) continue
        const cost = connectionCost(candidate, load)
        const lastTurn = chosenAt[slot] ?? 0
        const rank = excluded === undefined ? 0 : rankOf(candidate, load, excluded)
        if (best !== undefined && rank > bestRank) continue
        const isFirst = best === undefined || rank < bestRank || cost < bestCost
        if (isFirst || (cost === bestCost && lastTurn < bestTurn)) {
          best = candidate
          bestRank = rank
          bestCost = cost
          bestTurn = lastTurn
        }
      }
      if (best === undefined) continue
      if (dryRun) return best
      position = (start + enough) % length
      const turn = (choices[0] ?? 0) + 1
      choices[0] = turn
      chosenAt[best.endpoint.slot] = turn
      return best
    }
    return undefined
  }
}

/**
 * Smooth weighted round robin: each candidate earns its weight per choice; the one with the most credit is chosen and
 * pays the total. This spreads choices evenly instead of in runs. Recent failures lower a weight.
 */
function weightedRotation(tiers: boolean, { credits }: Turns): Strategy {
  return (candidates, load, excluded, dryRun = false) => {
    const floor = tiers ? topPriority(candidates, load, excluded) : Number.NEGATIVE_INFINITY
    let best: (typeof candidates)[number] | undefined
    let bestCredit = Number.NEGATIVE_INFINITY
    let bestRank = Number.POSITIVE_INFINITY
    let earned = 0
    for (const candidate of candidates) {
      const { endpoint } = candidate
      const { slot } = endpoint
      if (endpoint.priority < floor || excluded?.has(slot) || !load.admits(candidate)) continue
      const weight = (endpoint.weight * load.share(slot)) / (1 + load.penalty(candidate)) || Number.EPSILON
      const own = (credits[slot] ?? 0) + weight
      if (!dryRun) credits[slot] = own
      earned += weight
      const rank = excluded === undefined ? 0 : rankOf(candidate, load, excluded)
      if (rank < bestRank || (rank === bestRank && own > bestCredit)) {
        best = candidate
        bestCredit = own
        bestRank = rank
      }
    }
    if (best !== undefined && !dryRun) credits[best.endpoint.slot] = bestCredit - earned
    return best
  }
}
