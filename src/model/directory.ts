import type { Endpoint } from '../endpoint/endpoint.ts'
import type { EndpointRegistry } from '../endpoint/registry.ts'
import type { ModelAliases } from './aliases.ts'
import type { ModelCatalog } from './catalog.ts'
import type { FamilyTable, TraitHints } from './family-table.ts'
import type { DiscoveredModel } from './list-parsers.ts'
import type { ModelPlace, RoutedModel } from './name-index.ts'
import type { KnownAbilities } from './needs.ts'

/** One model on one endpoint, as the directory shows it. */
export interface ModelSource {
  readonly endpoint: Endpoint
  /** As the endpoint spells it. */
  readonly nativeName: string
  readonly state: 'loaded' | 'not-loaded' | 'available' | 'unknown'
  readonly sizeBytes: number | undefined
  readonly seenMs: number
  readonly raw: Readonly<Record<string, unknown>>
}

/** The same model on any number of endpoints. */
export interface UnifiedModel {
  /** Name as most endpoints spell it; `name@digest` where another model has the name. */
  readonly id: string
  readonly name: string
  /** Every spelling, and the digest form; the ID first. */
  readonly aliases: readonly string[]
  readonly family: string
  readonly variant: string
  /** `3.2b`; '' where nobody tells. */
  readonly parameterSize: string
  readonly parameterCount: number
  /** Short form, `q4km`. */
  readonly quantization: string
  readonly format: string
  readonly type: 'llm' | 'vlm' | 'embeddings'
  readonly capabilities: readonly string[]
  readonly contextLength: number | undefined
  readonly digest: string | undefined
  readonly publisher: string | undefined
  /** Epoch milliseconds of the first time it was seen. */
  readonly createdMs: number
  readonly lastSeenMs: number
  readonly sources: readonly ModelSource[]
}

/** All models of all endpoints, unified, sorted by ID. Built when first asked for after a change. */
export class ModelDirectory {
  readonly #registry: EndpointRegistry
  readonly #catalog: ModelCatalog
  readonly #families: FamilyTable
  readonly #aliases: ModelAliases
  readonly #unifies: boolean
  readonly #firstSeenMs = new Map<string, number>()
  /** By the places, which are others when any of them changes. */
  readonly #abilities = new WeakMap<readonly ModelPlace[], KnownAbilities>()
  #models: readonly UnifiedModel[] = []
  #byName: ReadonlyMap<string, UnifiedModel> = new Map()
  #version = ''

  /** @param unify off: only models of exactly the same name are one */
  constructor(
    registry: EndpointRegistry,
    catalog: ModelCatalog,
    families: FamilyTable,
    aliases: ModelAliases,
    unify = true,
  ) {
    this.#registry = registry
    this.#catalog = catalog
    this.#families = families
    this.#aliases = aliases
    this.#unifies = unify
  }

  get families(): FamilyTable {
    return this.#families
  }

  /** Changes whenever the models do. */
  get version(): string {
    return `${this.#registry.snapshot.version}.${this.#catalog.snapshot.version}`
  }

  models(): readonly UnifiedModel[] {
    this.#refresh()
    return this.#models
  }

  /** By ID or any spelling, case not counting. */
  find(name: string): UnifiedModel | undefined {
    this.#refresh()
    return this.#byName.get(name) ?? this.#byName.get(name.toLowerCase())
  }

  /**
   * What is known of a model at some places: by what any of them tells, and by its name. Requests ask for this, so
   * it must not wait for all models to be unified again after every look at an endpoint.
   */
  abilities(places: readonly ModelPlace[]): KnownAbilities | undefined {
    const [first] = places
    if (first === undefined) return undefined
    let abilities = this.#abilities.get(places)
    if (abilities === undefined) {
      const told = firstTold(places.map(({ model }) => model))
      const { type, capabilities } = this.#families.traits(hintsFrom(first.model.name, told))
      abilities = { type, capabilities, contextLength: told('contextLength') }
      this.#abilities.set(places, abilities)
    }
    return abilities
  }

  #refresh(): void {
    if (this.#version === this.version) return
    this.#version = this.version
    const real = this.#unify()
    this.#models = [...real, ...this.#virtual(real)].sort(byId)
    const byName = new Map<string, UnifiedModel>()
    for (const model of this.#models) {
      for (const alias of model.aliases) {
        if (!byName.has(alias)) byName.set(alias, model)
        if (!byName.has(alias.toLowerCase())) byName.set(alias.toLowerCase(), model)
      }
    }
    this.#byName = byName
  }

  #unify(): UnifiedModel[] {
    const groups = this.#group()
    const byName = new Map<string, Found[][]>()
    for (const group of groups) {
      const key = this.#key(commonName(group))
      byName.set(key, [...(byName.get(key) ?? []), group])
    }
    const models: UnifiedModel[] = []
    for (const named of byName.values()) {
      named.sort((a, b) => b.length - a.length)
      for (const [index, group] of named.entries()) models.push(this.#describe(group, index > 0))
    }
    return models
  }

  /** Aliases are listed like models, with what their first target is and wherever any target is. */
  #virtual(real: readonly UnifiedModel[]): UnifiedModel[] {
    const byName = new Map(
      real.flatMap((model) => model.aliases.map((name) => [name.toLowerCase(), model] as const)),
    )
    return this.#aliases.all().flatMap(({ name, targets }) => {
      const found = targets.flatMap(({ model }) => byName.get(model.toLowerCase()) ?? [])
      const [first] = found
      if (first === undefined) return []
      const sources = [...new Set(found)].flatMap(({ sources: each }) => each)
      return { ...first, id: name, name, aliases: [name], digest: undefined, sources }
    })
  }

  /** Models with one digest are one; those without take the name's, where it is unambiguous. */
  #group(): Found[][] {
    const byDigest = new Map<string, Found[]>()
    const undated: Found[] = []
    for (const [slot, { models, seenMs, firstSeenMs }] of this.#catalog.snapshot.byEndpoint) {
      const endpoint = this.#registry.snapshot.bySlot[slot]
      if (endpoint === undefined) continue
      for (const model of models) {
        const found = { endpoint, model, seenMs, firstSeenMs: firstSeenMs.get(model.name) ?? seenMs }
        if (model.digest === undefined || !this.#unifies) undated.push(found)
        else byDigest.set(model.digest, [...(byDigest.get(model.digest) ?? []), found])
      }
    }
    const groups = [...byDigest.values()]
    const byName = new Map<string, Found[]>()
    for (const group of groups) {
      for (const { model } of group) {
        const key = this.#key(model.name)
        if (!byName.has(key)) byName.set(key, group)
      }
    }
    for (const found of undated) {
      const key = this.#key(found.model.name)
      const group = byName.get(key)
      if (group !== undefined) group.push(found)
      else {
        const fresh = [found]
        byName.set(key, fresh)
        groups.push(fresh)
      }
    }
    return groups
  }

  #key(name: string): string {
    return this.#unifies ? normalName(name) : name
  }

  #describe(group: readonly Found[], isHomonym: boolean): UnifiedModel {
    const name = commonName(group)
    const first = firstTold(group.map(({ model }) => model))
    const digest = first('digest')
    const contextLength = first('contextLength')
    const publisher = first('publisher')
    const traits = this.#families.traits(hintsFrom(name, first))
    const parameterSize = (first('parameterSize') ?? sizeInName(name)).toLowerCase()
    const exact = digest === undefined ? [] : [`${name}@${digest.replace(/^sha256:/, '').slice(0, 8)}`]
    const id = isHomonym ? (exact[0] ?? name) : name
    const createdMs = this.#firstSeen(digest ?? id, Math.min(...group.map(({ firstSeenMs }) => firstSeenMs)))
    const spellings = isHomonym ? [] : group.map(({ model }) => model.name)
    return {
      id,
      name,
      aliases: [...new Set([id, ...spellings, ...exact])],
      family: traits.family,
      variant: traits.variant,
      parameterSize,
      parameterCount: countParameters(parameterSize),
      quantization: traits.quantization,
      format: first('format') ?? '',
      type: traits.type,
      capabilities: traits.capabilities,
      contextLength,
      digest,
      publisher,
      createdMs,
      lastSeenMs: Math.max(...group.map(({ seenMs }) => seenMs)),
      sources: group.map(({ endpoint, model, seenMs }) => ({
        endpoint,
        nativeName: model.name,
        state: model.state ?? presumedState(endpoint),
        sizeBytes: model.sizeBytes,
        seenMs,
        raw: model.raw,
      })),
    }
  }

  /** `created` must not move between two calls. */
  #firstSeen(key: string, seenMs: number): number {
    const known = this.#firstSeenMs.get(key)
    if (known !== undefined) return known
    this.#firstSeenMs.set(key, seenMs)
    return seenMs
  }
}

type Told = <Key extends keyof RoutedModel>(key: Key) => RoutedModel[Key] | undefined

/** Reads what the first of some models that tells says. */
function firstTold(models: readonly RoutedModel[]): Told {
  return (key) => models.find((model) => model[key] !== undefined)?.[key]
}

function hintsFrom(name: string, told: Told): TraitHints {
  return {
    name,
    family: told('family'),
    type: told('type'),
    quantization: told('quantization'),
    publisher: told('publisher'),
    contextLength: told('contextLength'),
    capabilities: told('capabilities'),
  }
}

function byId(a: UnifiedModel, b: UnifiedModel): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}

/** What a kind of endpoint lets one presume where it does not tell. */
function presumedState({ profile }: Endpoint): ModelSource['state'] {
  if (profile?.alwaysLoaded === true) return 'loaded'
  return profile?.name === 'ollama' ? 'available' : 'unknown'
}

interface Found {
  readonly endpoint: Endpoint
  readonly model: DiscoveredModel
  readonly seenMs: number
  readonly firstSeenMs: number
}

/** Names that mean the same: case does not count, and Ollama's `:latest` may be left out. */
function normalName(name: string): string {
  return name.toLowerCase().replace(/:latest$/, '')
}

/** The spelling that most endpoints use; of equally common ones the first by alphabet. */
function commonName(group: readonly Found[]): string {
  const counts = new Map<string, number>()
  for (const { model } of group) counts.set(model.name, (counts.get(model.name) ?? 0) + 1)
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))[0]?.[0] ?? ''
}

function sizeInName(name: string): string {
  return /(?:^|[-_:.])(\d+(?:\.\d+)?(?:x\d+(?:\.\d+)?)?[bm])(?:$|[-_:.])/i.exec(name)?.[1] ?? ''
}

const scale: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, b: 1e9, t: 1e12 }

/** `8x7b` is 56e9, `137m` 137e6; 0 where the text is no size. */
export function countParameters(size: string): number {
  const match = /^(?:(\d+)x)?(\d+(?:\.\d+)?)([kmbt])$/i.exec(size)
  if (match === null) return 0
  return Math.round(Number(match[1] ?? 1) * Number(match[2]) * (scale[(match[3] ?? '').toLowerCase()] ?? 0))
}
