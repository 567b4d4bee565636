import type { CatalogSnapshot } from '../../endpoints/discovery/catalog.ts'
import { otherSpelling } from '../../kernel/names/tags.ts'

/** Maximum number of aliases that one request follows. */
export const maxAliases = 64

/** Target of an alias: a model or another alias. */
export interface AliasTarget {
  readonly model: string
  readonly weight: number
}

/** `pooled`: all targets serve together, as in Olla. `ordered`: the first target that is available serves. */
export interface Alias {
  readonly name: string
  readonly mode: 'pooled' | 'ordered' | 'weighted'
  readonly targets: readonly AliasTarget[]
}

/** `model_aliases` of the configuration. */
export type AliasConfig = Readonly<
  Record<
    string,
    | readonly string[]
    | { readonly targets: readonly (string | { readonly model: string; readonly weight: number })[] }
  >
>

type Models = Pick<CatalogSnapshot, 'find'>

/** Virtual model names, case-insensitive (contract 16.2, item 8). */
export class ModelAliases {
  #aliases: ReadonlyMap<string, Alias>

  constructor(config: AliasConfig) {
    this.#aliases = readAliases(config)
  }

  /** @returns a function that uses these aliases from now on */
  prepare(config: AliasConfig): () => void {
    const aliases = readAliases(config)
    return () => {
      this.#aliases = aliases
    }
  }

  all(): readonly Alias[] {
    return [...this.#aliases.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  get(name: string): Alias | undefined {
    return this.#aliases.size === 0 ? undefined : this.#aliases.get(name.toLowerCase())
  }

  /**
   * Finds the alias that a client names, possibly with `:latest` added, as Ollama's clients do.
   * @param models a model with exactly this name takes precedence over an alias in the other spelling
   */
  find(name: string, models: Models): Alias | undefined {
    if (this.#aliases.size === 0) return undefined
    const alias = this.get(name)
    if (alias !== undefined) return alias
    const other = otherSpelling(name)
    return other === undefined || models.find(name).length > 0 ? undefined : this.get(other)
  }

  /**
   * Finds the alias that a target or a fallback names. A model of that name takes precedence, as in Olla, where targets
   * are models.
   * @param within aliases that led to the target; none is followed twice
   */
  asTarget(name: string, models: Models, within: readonly Alias[]): Alias | undefined {
    if (this.#aliases.size === 0) return undefined
    const alias = this.get(name)
    return alias === undefined || within.includes(alias) || models.find(name).length > 0 ? undefined : alias
  }

  /** The models that an alias leads to, directly or through other aliases, without duplicates. */
  modelsOf(alias: Alias, models: Models): readonly string[] {
    const seen = [alias]
    const names = new Set<string>()
    // The loop appends to the array that it iterates over.
    for (const each of seen) {
      for (const { model } of each.targets) {
        const next = seen.length > maxAliases ? undefined : this.asTarget(model, models, [each])
        if (next === undefined) names.add(model)
        else if (!seen.includes(next)) seen.push(next)
      }
    }
    return [...names]
  }

  /** Like `modelsOf` for a name that may be an alias. */
  modelsNamed(name: string, models: Models): readonly string[] {
    const alias = this.asTarget(name, models, [])
    return alias === undefined ? [name] : this.modelsOf(alias, models)
  }
}

function readAliases(config: AliasConfig): ReadonlyMap<string, Alias> {
  return new Map(Object.entries(config).map(([name, value]) => [name.toLowerCase(), readAlias(name, value)]))
}

function readAlias(name: string, value: AliasConfig[string]): Alias {
  if (isList(value)) return { name, mode: 'pooled', targets: value.map((model) => ({ model, weight: 1 })) }
  const targets = value.targets.map((target) =>
    typeof target === 'string' ? { model: target, weight: 1 } : target,
  )
  const isWeighted = value.targets.some((target) => typeof target !== 'string')
  return { name, mode: isWeighted ? 'weighted' : 'ordered', targets }
}

function isList(value: AliasConfig[string]): value is readonly string[] {
  return Array.isArray(value)
}

/**
 * Smooth weighted round robin over the targets of an alias, with one state per alias.
 * @param able whether each target is available now
 */
export class WeightedTurns {
  readonly #credits = new Map<string, number[]>()
  /** Number of choices so far. */
  taken = 0

  /** @param dryRun leaves the rotation as it is, for explanations */
  next(alias: Alias, able: readonly boolean[], dryRun = false): number | undefined {
    const known = this.#credits.get(alias.name)
    // A change of the configuration may have changed its targets.
    const kept = known?.length === alias.targets.length ? known : alias.targets.map(() => 0)
    const credits = dryRun ? [...kept] : kept
    if (!dryRun) this.#credits.set(alias.name, credits)
    this.taken++
    let best: number | undefined
    let total = 0
    for (const [index, { weight }] of alias.targets.entries()) {
      if (able[index] !== true) continue
      const credit = (credits[index] ?? 0) + weight
      credits[index] = credit
      total += weight
      if (best === undefined || credit > (credits[best] ?? 0)) best = index
    }
    if (best !== undefined) credits[best] = (credits[best] ?? 0) - total
    return best
  }
}
