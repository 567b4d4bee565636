import type { Candidate, EndpointLoad, Strategy, StrategyName } from './selector.ts'
import { createTiers } from './tiers.ts'

export interface StrategyOptions {
  /** Whether lower priorities get traffic only when no higher one can take it. `priority` always does. */
  readonly priorityTiers: boolean
  /** Default: this strategy's own. */
  readonly turns?: Turns
}

/**
 * Whose turn it is, per slot. In shared memory the turn goes round over all threads; of two choices at the
 * same instant one may be forgotten, which another turn makes good.
 */
export interface Turns {
  /** When each was chosen last, counted in choices. */
  readonly chosenAt: Float64Array | number[]
  /** One cell: choices so far. */
  readonly choices: Float64Array | number[]
  /** What each has earned and not paid. */
  readonly credits: Float64Array | number[]
}

export function createStrategy(name: StrategyName, options: StrategyOptions): Strategy {
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

/** The priority of the highest tier that can take a request; -Infinity where none can, or tiers do not count. */
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

/** Cost of an endpoint that has no weight now: any other is preferred. */
const weightless = Number.MAX_VALUE

/**
 * What one more request would mean to an endpoint: requests, and those that failures count for, by its
 * weight. The largest number where it has none.
 */
export function connectionCost(candidate: Candidate, load: EndpointLoad): number {
  const { slot, weight: ownWeight } = candidate.endpoint
  const weight = ownWeight * load.share(slot)
  if (weight <= 0) return weightless
  return (load.inFlight(slot) + load.penalty(candidate) + 1) / weight
}

/** So many failures on other endpoints show that guessing does not help. */
const guessesEnough = 2

/**
 * How well a candidate suits a request that has failed on others, the lowest first: its attempts are limited, and of
 * many endpoints only one may work. Without recent failures comes first, and of those, after two failures, what has
 * answered a moment ago.
 */
function rankOf(candidate: Candidate, load: EndpointLoad, excluded: ReadonlySet<number>): number {
  const failures = Math.floor(load.penalty(candidate))
  if (failures > 0) return failures + 1
  return excluded.size < guessesEnough || load.hasJustAnswered?.(candidate) !== false ? 0 : 1
}

/** Larger tiers are looked at in part: a choice must not cost more for every endpoint that there is. */
const wholeUpTo = 32
/**
 * So many of a larger one are looked at. With two alone the busiest stays within a few requests of the others
 * (Azar et al., Balanced Allocations, 1994).
 */
const sampleSize = 8

/** Fewest requests for its weight wins; of equal ones, the one that was chosen longest ago. */
function leastConnections(tiers: boolean, { chosenAt, choices }: Turns): Strategy {
  const tiersOf = createTiers({ byPriority: tiers, inOrderUpTo: wholeUpTo })
  let position = 0
  return (candidates, load, excluded, isLook = false) => {
    for (const tier of tiersOf(candidates)) {
      const { length } = tier
      // A request that has failed elsewhere is better off with the best of all than with the best of a few.
      const enough = length > wholeUpTo && excluded === undefined ? sampleSize : length
      const start = length > wholeUpTo ? position : 0
      let best: (typeof candidates)[number] | undefined
      let bestRank = 0
      let bestCost = Number.POSITIVE_INFINITY
      let bestTurn = 0
      for (let looked = 0; looked < length && (looked < enough || bestCost >= weightless); looked++) {
        const candidate = candidates[tier[(start + looked) % length] ?? 0]
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
      if (isLook) return best
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
 * Smooth weighted round robin: each candidate earns its weight each turn, the richest is chosen and pays what
 * all have earned. Chosen ones are spread evenly instead of in runs. Recent failures lower a weight.
 */
function weightedRotation(tiers: boolean, { credits }: Turns): Strategy {
  return (candidates, load, excluded, isLook = false) => {
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
      if (!isLook) credits[slot] = own
      earned += weight
      const rank = excluded === undefined ? 0 : rankOf(candidate, load, excluded)
      if (rank < bestRank || (rank === bestRank && own > bestCredit)) {
        best = candidate
        bestCredit = own
        bestRank = rank
      }
    }
    if (best !== undefined && !isLook) credits[best.endpoint.slot] = bestCredit - earned
    return best
  }
}
