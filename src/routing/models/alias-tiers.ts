import type { ModelCatalog } from '../../endpoints/discovery/catalog.ts'
import { type Alias, type ModelAliases, maxAliases, WeightedTurns } from './aliases.ts'
import { pooledTiers, tierOf } from './outcome.ts'
import type { RoutedEndpoint, ServedRoute, Tier } from './routing.ts'

/** Returns the endpoints that can take a request for a model now. */
export type Serving = (model: string) => RoutedEndpoint[]

interface Expansion {
  readonly serving: Serving
  readonly dryRun: boolean | undefined
  /** Aliases being expanded. An alias that leads back to itself means the model of that name. */
  readonly within: readonly Alias[]
  /** Number of aliases that may still be followed. */
  readonly budget: { left: number }
}

/** Expands aliases and fallback models into tiers of endpoints, in the order in which a request tries them. */
export class AliasTiers {
  readonly #aliases: ModelAliases
  readonly #catalog: ModelCatalog
  readonly #turns = new WeightedTurns()

  constructor(aliases: ModelAliases, catalog: ModelCatalog) {
    this.#aliases = aliases
    this.#catalog = catalog
  }

  /** Increases with every weighted choice, so that cached decisions know when the rotation moved. */
  get turnsTaken(): number {
    return this.#turns.taken
  }

  of(alias: Alias, serving: Serving, dryRun: boolean | undefined): Tier[] {
    return this.#tiers(alias, { serving, dryRun, within: [], budget: { left: maxAliases } })
  }

  /** Expands a fallback, which is a model or an alias, like the target of an alias. */
  ofName(name: string, serving: Serving, dryRun: boolean | undefined): Tier[] {
    return this.#targetTiers(name, { serving, dryRun, within: [], budget: { left: maxAliases } })
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
   * A pooled alias puts all targets into one tier, followed by further models of the same endpoints. An ordered alias
   * has one tier per target; a weighted alias too, starting with the target that the rotation chose.
   */
  #tiers(alias: Alias, outer: Expansion): Tier[] {
    const expansion = { ...outer, within: [...outer.within, alias] }
    const targets = alias.targets.map(({ model }) => this.#targetTiers(model, expansion))
    if (alias.mode === 'pooled') return pooledLevels(targets)
    const able = targets.map((tiers) => tiers.length > 0)
    const turn = alias.mode === 'weighted' ? this.#turns.next(alias, able, outer.dryRun) : undefined
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

/** Merges the first tiers of all targets into one, then the second tiers, and so on. */
function pooledLevels(targets: readonly (readonly Tier[])[]): Tier[] {
  const levels = Math.max(0, ...targets.map(({ length }) => length))
  return Array.from({ length: levels }, (_, level) =>
    pooledTiers(targets.map((tiers) => tiers[level]?.candidates ?? [])),
  ).flat()
}
