import type { ModelCatalog } from '../../endpoints/discovery/catalog.ts'
import { type Alias, type ModelAliases, mostAliases, WeightedTurns } from './aliases.ts'
import { pooledTiers, tierOf } from './outcome.ts'
import type { RoutedEndpoint, ServedRoute, Tier } from './routing.ts'

/** Endpoints that can take a request for a model now. */
export type Serving = (model: string) => RoutedEndpoint[]

interface Expansion {
  readonly serving: Serving
  readonly isLook: boolean | undefined
  /** Aliases that are being expanded: one that leads back to itself means the model of that name. */
  readonly within: readonly Alias[]
  /** How many more aliases may be followed. */
  readonly budget: { left: number }
}

/** Where aliases and fallback models lead: tiers of endpoints, in the order in which a request tries them. */
export class AliasTiers {
  readonly #aliases: ModelAliases
  readonly #catalog: ModelCatalog
  readonly #turns = new WeightedTurns()

  constructor(aliases: ModelAliases, catalog: ModelCatalog) {
    this.#aliases = aliases
    this.#catalog = catalog
  }

  /** Counts up with every turn among weighted targets, which is another one for the next request. */
  get turnsTaken(): number {
    return this.#turns.taken
  }

  of(alias: Alias, serving: Serving, isLook: boolean | undefined): Tier[] {
    return this.#tiers(alias, { serving, isLook, within: [], budget: { left: mostAliases } })
  }

  /** A fallback is a model or an alias, as the target of an alias is. */
  ofName(name: string, serving: Serving, isLook: boolean | undefined): Tier[] {
    return this.#targetTiers(name, { serving, isLook, within: [], budget: { left: mostAliases } })
  }

  #targetTiers(name: string, expansion: Expansion): Tier[] {
    const { within, budget } = expansion
    const alias = budget.left > 0 ? this.#aliases.asTarget(name, this.#catalog.snapshot, within) : undefined
    if (alias !== undefined) {
      budget.left--
      return this.#tiers(alias, expansion)
    }
    const candidates = expansion.serving(name)
    return candidates.length === 0 ? [] : [tierOf(candidates)]
  }

  /**
   * A pooled alias puts all targets into one tier, and further models of the same endpoint behind it; an ordered one
   * has a tier for each target, and so has a weighted one, the target whose turn it is first.
   */
  #tiers(alias: Alias, outer: Expansion): Tier[] {
    const expansion = { ...outer, within: [...outer.within, alias] }
    const targets = alias.targets.map(({ model }) => this.#targetTiers(model, expansion))
    if (alias.mode === 'pooled') return pooledLevels(targets)
    const able = targets.map((tiers) => tiers.length > 0)
    const turn = alias.mode === 'weighted' ? this.#turns.next(alias, able, outer.isLook) : undefined
    const order = [...targets.keys()]
    if (turn !== undefined) order.sort((a, b) => Number(b === turn) - Number(a === turn))
    const tiers = order.flatMap((at) => {
      const reason = `alias "${alias.name}" to its target "${alias.targets[at]?.model}"`
      const route: ServedRoute = { strategy: 'alias', decision: 'routed', reason }
      return (targets[at] ?? []).map((tier) => ({ ...tier, route }))
    })
    return tiers.map((tier, at) => (at === 0 ? { ...tier, route: undefined } : tier))
  }
}

/** Pools the first tiers of all targets, then their second ones. */
function pooledLevels(targets: readonly (readonly Tier[])[]): Tier[] {
  const levels = Math.max(0, ...targets.map(({ length }) => length))
  return Array.from({ length: levels }, (_, level) =>
    pooledTiers(targets.map((tiers) => tiers[level]?.candidates ?? [])),
  ).flat()
}
