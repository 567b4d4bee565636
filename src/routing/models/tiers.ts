import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import { withoutUnable } from './media-routing.ts'
import { areAlike, isKnownAble, needNames, type RequestNeeds } from './needs.ts'
import { outcomeOf } from './outcome.ts'
import type { RoutedEndpoint, RoutingOutcome, Tier } from './routing.ts'

/** Whether candidates within any tier differ in their known abilities. */
export function someDiffer(tiers: readonly Tier[]): boolean {
  return tiers.some(({ candidates }) =>
    candidates.some(({ abilities }) => !areAlike(abilities, candidates[0]?.abilities)),
  )
}

const narrowing = ['vision', 'tools', 'embeddings', 'audio', 'structured', 'promptTokens'] as const

/** Keeps in each tier the candidates known to meet the request's needs, if there are any. */
export function narrowed(decided: RoutingOutcome, read: () => RequestNeeds): RoutingOutcome {
  const needs = read()
  const by = new Set<string>()
  const outcome = withoutUnable(decided, needs, by)
  if (outcome.decision === 'rejected') return outcome
  const tiers = outcome.tiers.map((tier) => {
    let { candidates } = tier
    for (const need of narrowing) {
      if (needs[need] === false || needs[need] === 0) continue
      const able = candidates.filter(
        ({ abilities }) => abilities !== undefined && isKnownAble(need, needs, abilities),
      )
      if (able.length === 0 || able.length === candidates.length) continue
      candidates = able
      by.add(needNames[need])
    }
    return candidates === tier.candidates ? tier : { ...tier, candidates }
  })
  if (by.size === 0) return outcome
  return outcomeOf({ ...outcome, tiers, reason: `${outcome.reason}; able: ${[...by].join(', ')}` })
}

/**
 * Splits a tier in two, keeping the order within each part. A full first part spills into the second.
 * @returns the tier alone if one part would be empty
 */
export function splitTier(tier: Tier, isFirst: (candidate: RoutedEndpoint) => boolean): readonly Tier[] {
  const first = tier.candidates.filter(isFirst)
  if (first.length === 0 || first.length === tier.candidates.length) return [tier]
  const rest = tier.candidates.filter((candidate) => !first.includes(candidate))
  return [
    { ...tier, candidates: first, spillsWhenFull: true },
    { ...tier, candidates: rest },
  ]
}

/** Reason for refusing a request whose path every candidate lacks. */
export const pathNotServed = 'path_not_served'

/** Knowledge about the request's path on a candidate. */
export interface PathView {
  /** Undefined if unknown. */
  serves(candidate: RoutedEndpoint): boolean | undefined
  /** Whether a request for the path is certain to fail. */
  lacksForSure(candidate: RoutedEndpoint): boolean
  /** Whether the request can be translated for a candidate without the path. */
  translates(candidate: RoutedEndpoint): boolean
}

/**
 * Within each tier, puts candidates known to have the path first, then those for which the request can be translated.
 * Others that denied having the path but may have it come after all tiers; those that certainly lack it are removed.
 */
export function byPath(outcome: RoutingOutcome, view: PathView): RoutingOutcome {
  const { candidates } = outcome
  if (candidates.every((candidate) => view.serves(candidate) === true)) return outcome
  const known = new Map(candidates.map((candidate) => [candidate, view.serves(candidate)]))
  const translated = new Set(
    candidates.filter((candidate) => known.get(candidate) !== true && view.translates(candidate)),
  )
  const lacking = new Set(
    candidates.filter((candidate) => !translated.has(candidate) && view.lacksForSure(candidate)),
  )
  const others = new Set(candidates.flatMap((each) => (lacking.has(each) ? [] : each.endpoint)))
  const lackPath = [...new Set([...lacking].map(({ endpoint }) => endpoint))].filter(
    (endpoint) => !others.has(endpoint),
  )
  if (lacking.size === candidates.length) {
    const { strategy, knowledge } = outcome
    const rejection = { strategy, decision: 'rejected', reason: pathNotServed, status: 404 } as const
    return { ...rejection, tiers: [], candidates: [], knowledge, lackPath }
  }
  const doubtful: Tier[] = []
  const tiers = outcome.tiers.flatMap((tier) => {
    const remaining = tier.candidates.filter((candidate) => !lacking.has(candidate))
    const isDoubtful = (each: RoutedEndpoint) => known.get(each) === false && !translated.has(each)
    const left = remaining.filter((candidate) => !isDoubtful(candidate))
    const rest = remaining.filter(isDoubtful)
    if (rest.length > 0)
      doubtful.push(rest.length === tier.candidates.length ? tier : { ...tier, candidates: rest })
    if (left.length === 0) return []
    const kept = left.length === tier.candidates.length ? tier : { ...tier, candidates: left }
    return splitTier(kept, (candidate) => known.get(candidate) === true).flatMap((part) =>
      translated.size === 0
        ? [part]
        : splitTier(part, (each) => known.get(each) === true || translated.has(each)),
    )
  })
  const learnsPath = [...known.values()].some((serves) => serves !== true)
  return outcomeOf({
    ...outcome,
    tiers: [...tiers, ...doubtful],
    learnsPath,
    lackPath,
    ...(translated.size > 0 ? { translates: true } : {}),
  })
}

interface KnownSplit {
  readonly preferred: readonly boolean[]
  readonly outcome: RoutingOutcome
}

/** Puts preferred endpoints first within each tier. Caches a split while the preferences stay the same. */
export class PreferredTiers {
  readonly #known = new WeakMap<RoutingOutcome, KnownSplit>()

  of(outcome: RoutingOutcome, prefers: (endpoint: Endpoint) => boolean): RoutingOutcome {
    if (outcome.candidates.length < 2) return outcome
    const preferred = outcome.candidates.map(({ endpoint }) => prefers(endpoint))
    const known = this.#known.get(outcome)
    if (known?.preferred.every((each, at) => each === preferred[at])) return known.outcome
    const tiers = outcome.tiers.flatMap((tier) => splitTier(tier, ({ endpoint }) => prefers(endpoint)))
    const split = tiers.length === outcome.tiers.length ? outcome : outcomeOf({ ...outcome, tiers })
    this.#known.set(outcome, { preferred, outcome: split })
    return split
  }
}
