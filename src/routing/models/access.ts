import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import { outcomeOf } from './outcome.ts'
import type { RoutedEndpoint, RoutingOutcome, Tier } from './routing.ts'
import { type UnifiedModel, withSources } from './unified-model.ts'

/** What the caller of a request may use. The answers never change: other rules are another object. */
export interface ModelAccess {
  /** Whether only some models are allowed. */
  readonly limitsModels: boolean
  /** @param name of a model or an alias, as a client spells it */
  allowsModel(name: string): boolean
  allowsEndpoint(endpoint: Endpoint): boolean
}

/** Cached by the outcome, which the router caches too. */
const known = new WeakMap<ModelAccess, WeakMap<RoutingOutcome, RoutingOutcome>>()

/**
 * Keeps the candidates that a caller may use. The requested name is allowed already: an alias stands for its targets,
 * but a fallback must be allowed by its own name.
 */
export function withAccess(outcome: RoutingOutcome, access: ModelAccess): RoutingOutcome {
  let outcomes = known.get(access)
  if (outcomes === undefined) {
    outcomes = new WeakMap()
    known.set(access, outcomes)
  }
  let permitted = outcomes.get(outcome)
  if (permitted === undefined) {
    permitted = filtered(outcome, access)
    outcomes.set(outcome, permitted)
  }
  return permitted
}

function filtered(outcome: RoutingOutcome, access: ModelAccess): RoutingOutcome {
  const tiers = outcome.tiers.flatMap((tier) => {
    const candidates = tier.candidates.filter((candidate) => isAllowed(candidate, tier, outcome, access))
    if (candidates.length === 0) return []
    return candidates.length === tier.candidates.length ? tier : { ...tier, candidates }
  })
  return outcomeOf({ ...outcome, tiers })
}

function isAllowed(
  { endpoint, nativeModel }: RoutedEndpoint,
  { route, isLastResort }: Tier,
  { strategy }: RoutingOutcome,
  access: ModelAccess,
): boolean {
  if (!access.allowsEndpoint(endpoint)) return false
  // A last resort may be a fallback as well.
  const mayBeFallback = isLastResort === true || (route?.strategy ?? strategy) === 'fallback'
  return !mayBeFallback || nativeModel === undefined || access.allowsModel(nativeModel)
}

/** The models that a caller may use, each with the endpoints that the caller may use. */
export function allowedModels(
  models: readonly UnifiedModel[],
  access: ModelAccess | undefined,
): readonly UnifiedModel[] {
  return access === undefined ? models : models.flatMap((model) => allowedModel(model, access) ?? [])
}

/** @returns undefined if the caller may not use the model, or none of its endpoints */
export function allowedModel(model: UnifiedModel, access: ModelAccess | undefined): UnifiedModel | undefined {
  if (access === undefined) return model
  if (!access.allowsModel(model.id)) return undefined
  const sources = model.sources.filter(({ endpoint }) => access.allowsEndpoint(endpoint))
  return sources.length === 0 ? undefined : withSources(model, sources)
}
