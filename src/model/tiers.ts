import type { Endpoint } from '../endpoint/endpoint.ts'
import { withoutUnable } from './media-routing.ts'
import { areAlike, isKnownAble, needNames, type RequestNeeds } from './needs.ts'
import { outcomeOf } from './outcome.ts'
import type { RoutedEndpoint, RoutingOutcome, Tier } from './routing.ts'

/** Whether the candidates of some tier differ in what they are known to be able to. */
export function someDiffer(tiers: readonly Tier[]): boolean {
  return tiers.some(({ candidates }) =>
    candidates.some(({ abilities }) => !areAlike(abilities, candidates[0]?.abilities)),
  )
}

const narrowing = ['vision', 'tools', 'embeddings', 'audio', 'structured', 'promptTokens'] as const

/** Keeps the candidates of each tier that are known to be able to what the request needs, if any are. */
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
 * @returns the tier alone where one part would be empty
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

/** Why a request is turned away for which every candidate lacks the path. */
export const pathNotServed = 'path_not_served'

/**
 * Puts endpoints that are known to have the request's path first within each tier, and leaves out those that are known
 * not to have it.
 * @param serves undefined where that is not known
 */
export function byPath(
  outcome: RoutingOutcome,
  serves: (endpoint: Endpoint) => boolean | undefined,
): RoutingOutcome {
  const candidates = outcome.tiers.flatMap((tier) => tier.candidates)
  if (candidates.every(({ endpoint }) => serves(endpoint) === true)) return outcome
  const known = new Map(candidates.map(({ endpoint }) => [endpoint.slot, serves(endpoint)]))
  const lacking = candidates.filter(({ endpoint }) => known.get(endpoint.slot) === false)
  const lackPath = [...new Set(lacking.map(({ endpoint }) => endpoint))]
  if (lacking.length === candidates.length) {
    const { strategy, knowledge } = outcome
    const rejection = { strategy, decision: 'rejected', reason: pathNotServed, status: 404 } as const
    return { ...rejection, tiers: [], candidates: [], knowledge, lackPath }
  }
  const tiers = outcome.tiers.flatMap((tier) => {
    const left = tier.candidates.filter(({ endpoint }) => known.get(endpoint.slot) !== false)
    if (left.length === 0) return []
    const rest = left.length === tier.candidates.length ? tier : { ...tier, candidates: left }
    return splitTier(rest, ({ endpoint }) => known.get(endpoint.slot) === true)
  })
  return outcomeOf({ ...outcome, tiers, learnsPath: [...known.values()].includes(undefined), lackPath })
}

interface KnownSplit {
  readonly preferred: readonly boolean[]
  readonly outcome: RoutingOutcome
}

/** Puts endpoints that a request prefers first within each tier. A split is kept while the preferences stay. */
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
