import type { RoutedEndpoint, RoutingOutcome, ServedRoute, Tier } from './routing.ts'
import type { ModelKnowledge } from './routing-strategies.ts'

/** A routing outcome without the flat list of candidates. */
export type TieredOutcome = Omit<RoutingOutcome, 'candidates'>

export function outcomeOf(tiered: TieredOutcome): RoutingOutcome {
  const [first, ...others] = tiered.tiers.filter(({ isLastResort }) => isLastResort !== true)
  const own = first?.candidates ?? []
  const candidates = others.length === 0 ? own : [...own, ...others.flatMap((tier) => tier.candidates)]
  return { ...tiered, candidates }
}

export function rejected(
  strategy: string | undefined,
  status: number,
  reason: string,
  knowledge: ModelKnowledge,
): RoutingOutcome {
  return { tiers: [], candidates: [], strategy, decision: 'rejected', reason, status, knowledge }
}

export function tierOf(candidates: readonly RoutedEndpoint[], route?: ServedRoute): Tier {
  return { candidates, spillsWhenFull: false, route }
}

export function found(route: ServedRoute, tiers: readonly Tier[]): RoutingOutcome {
  return outcomeOf({ ...route, tiers, status: 200, knowledge: 'found' })
}

export function servedRoute({ strategy, decision, reason }: RoutingOutcome): ServedRoute {
  return { strategy, decision, reason }
}

/** Builds tiers in which an endpoint appears at most once, with its first model that no earlier tier contains. */
export function pooledTiers(serving: readonly (readonly RoutedEndpoint[])[]): Tier[] {
  const bySlot = new Map<number, RoutedEndpoint[]>()
  for (const candidate of serving.flat()) {
    const models = bySlot.get(candidate.endpoint.slot)
    if (models === undefined) bySlot.set(candidate.endpoint.slot, [candidate])
    else if (models.every(({ nativeModel }) => nativeModel !== candidate.nativeModel)) models.push(candidate)
  }
  const most = Math.max(0, ...[...bySlot.values()].map(({ length }) => length))
  return Array.from({ length: most }, (_, at) =>
    tierOf([...bySlot.values()].flatMap((models) => models[at] ?? [])),
  )
}

/** Removes models that an earlier tier has on the same endpoint: several aliases may lead to one model. */
export function withoutRepeats(tiers: readonly Tier[]): Tier[] {
  const seen = new Set<string>()
  return tiers.flatMap((tier) => {
    const candidates = tier.candidates.filter(({ endpoint, nativeModel }) => {
      const key = `${endpoint.slot} ${nativeModel ?? ''}`
      return !seen.has(key) && seen.add(key)
    })
    if (candidates.length === 0) return []
    return candidates.length === tier.candidates.length ? tier : { ...tier, candidates }
  })
}
