import type { Candidate } from './selector.ts'

/** Indexes into a list of candidates. Any range of a large tier is spread over the whole tier. */
export type Tier = readonly number[]

export interface TierOptions {
  /** False puts all candidates into one tier. */
  readonly byPriority: boolean
  /** Tiers up to this size keep the order of the list. */
  readonly inOrderUpTo: number
}

/**
 * Splits lists of candidates into tiers, highest priority first. Caches the tiers of a list, because every request for
 * a model brings the same list.
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

/** Steps near the golden ratio keep successive indexes apart. */
function spread(tier: Tier): Tier {
  const { length } = tier
  let step = Math.max(1, Math.round(length * 0.618))
  while (commonDivisor(step, length) > 1) step++
  return tier.map((_, at) => tier[(at * step) % length] ?? 0)
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b)
}
