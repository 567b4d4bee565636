import type { Candidate } from './selector.ts'

/** Places in a list of candidates. Every stretch of a large tier is spread over all of it. */
export type Tier = readonly number[]

export interface TierOptions {
  /** Off: all candidates are of one tier. */
  readonly byPriority: boolean
  /** Tiers up to this size stay in the order of the list. */
  readonly inOrderUpTo: number
}

/**
 * Splits lists of candidates into tiers, highest priority first. A list is looked at once: the same one comes
 * with every request for a model.
 */
export function createTiers({
  byPriority,
  inOrderUpTo,
}: TierOptions): (candidates: readonly Candidate[]) => readonly Tier[] {
  const known = new WeakMap<readonly Candidate[], readonly Tier[]>()
  return (candidates) => {
    let tiers = known.get(candidates)
    if (tiers === undefined) {
      tiers = split(candidates, byPriority).map((tier) => (tier.length > inOrderUpTo ? spread(tier) : tier))
      known.set(candidates, tiers)
    }
    return tiers
  }
}

function split(candidates: readonly Candidate[], byPriority: boolean): number[][] {
  const tiers = new Map<number, number[]>()
  for (const [place, { endpoint }] of candidates.entries()) {
    const priority = byPriority ? endpoint.priority : 0
    const tier = tiers.get(priority)
    if (tier === undefined) tiers.set(priority, [place])
    else tier.push(place)
  }
  return [...tiers].sort(([a], [b]) => b - a).map(([, tier]) => tier)
}

/** Steps of about the golden section never fall on the same place, nor near it, for long. */
function spread(tier: Tier): Tier {
  const { length } = tier
  let step = Math.max(1, Math.round(length * 0.618))
  while (commonDivisor(step, length) > 1) step++
  return tier.map((_, at) => tier[(at * step) % length] ?? 0)
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b)
}
