import type { ModelCatalog } from '../../endpoints/discovery/catalog.ts'
import type { DiscoveredModel } from '../../endpoints/discovery/discovered-model.ts'
import type { ModelPlace, RoutedModel } from '../../endpoints/discovery/name-index.ts'
import type { ReportedAbilities } from '../../endpoints/profiles/reported-abilities.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { EndpointRegistry } from '../../endpoints/registry/registry.ts'
import { otherSpelling, untaggedName } from '../../kernel/names/tags.ts'
import type { ModelAliases } from './aliases.ts'
import type { FamilyTable, TraitHints } from './family-table.ts'
import type { KnownAbilities } from './needs.ts'
import { type ModelSource, reportedFacts, type UnifiedModel, withSources } from './unified-model.ts'

/** All models of all endpoints, unified and sorted by ID. Built lazily after each change. */
export class ModelDirectory {
  readonly #registry: EndpointRegistry
  readonly #catalog: ModelCatalog
  readonly #families: FamilyTable
  readonly #aliases: ModelAliases
  readonly #unifies: boolean
  readonly #firstSeenMs = new Map<string, number>()
  /** Keyed by the array of places, which is replaced when any of them changes. */
  readonly #abilities = new WeakMap<readonly ModelPlace[], KnownAbilities>()
  #models: readonly UnifiedModel[] = []
  #byName: ReadonlyMap<string, UnifiedModel> = new Map()
  #version = ''

  /** @param unify false merges only models with exactly the same name */
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

  /** Finds a model by ID or any spelling, ignoring case; `:latest` is optional. */
  find(name: string): UnifiedModel | undefined {
    this.#refresh()
    return indexed(this.#byName, name)
  }

  /**
   * Abilities of a model on some endpoints, from what they report and from its name. This is on the request path, so it
   * does not wait until all models are unified again after a discovery.
   */
  abilities(places: readonly ModelPlace[]): KnownAbilities | undefined {
    const [first] = places
    if (first === undefined) return undefined
    let abilities = this.#abilities.get(places)
    if (abilities === undefined) {
      const reported = firstReported(places.map(({ model }) => model))
      const { type, capabilities } = this.#families.traits(hintsFrom(first.model.name, reported))
      abilities = { type, capabilities, contextLength: undefined, reported: undefined }
      this.#abilities.set(places, abilities)
    }
    return abilities
  }

  #refresh(): void {
    if (this.#version === this.version) return
    this.#version = this.version
    const real = this.#unify()
    const virtual = this.#virtual(real)
    // A request for this name uses the alias.
    const hidden = new Set(virtual.map(({ id }) => id.toLowerCase()))
    this.#models = [...real.filter(({ id }) => !hidden.has(id.toLowerCase())), ...virtual].sort(byId)
    this.#byName = indexNames([...virtual, ...this.#models])
  }

  #unify(): UnifiedModel[] {
    const groups = this.#group()
    const byName = new Map<string, Found[][]>()
    for (const group of groups) {
      const key = this.#key(commonName(group))
      const named = byName.get(key)
      if (named === undefined) byName.set(key, [group])
      else named.push(group)
    }
    const models: UnifiedModel[] = []
    for (const named of byName.values()) {
      named.sort((a, b) => b.length - a.length)
      for (const [index, group] of named.entries()) models.push(this.#describe(group, index > 0))
    }
    return this.#unifies ? withNamesOfSameWeights(models) : models
  }

  /** Lists aliases like models: with the traits of their first target and the endpoints of all targets. */
  #virtual(real: readonly UnifiedModel[]): UnifiedModel[] {
    if (this.#aliases.all().length === 0) return []
    const byName = indexNames(real)
    return this.#aliases.all().flatMap((alias) => {
      const { name } = alias
      const models = this.#aliases.modelsOf(alias, this.#catalog.snapshot)
      const found = models.flatMap((model) => indexed(byName, model) ?? [])
      const [first] = found
      if (first === undefined) return []
      const sources = [...new Set(found)].flatMap(({ sources: each }) => each)
      return { ...withSources(first, sources), id: name, name, aliases: [name], digest: undefined }
    })
  }

  /**
   * Merges models with the same name and digest; a model without a digest joins the first of its name. Names that share
   * a digest (`ollama cp`) stay separate, because each is a valid name.
   */
  #group(): Found[][] {
    const byWeights = new Map<string, Found[]>()
    const byName = new Map<string, Found[]>()
    const undated: Found[] = []
    for (const [slot, { models, seenMs, firstSeenMs }] of this.#catalog.snapshot.byEndpoint) {
      const endpoint = this.#registry.snapshot.configuredBySlot[slot]
      if (endpoint === undefined) continue
      for (const model of models) {
        const found = { endpoint, model, seenMs, firstSeenMs: firstSeenMs.get(model.name) ?? seenMs }
        if (model.digest === undefined || !this.#unifies) {
          undated.push(found)
          continue
        }
        const key = this.#key(model.name)
        const weights = `${key}\n${model.digest}`
        const group = byWeights.get(weights) ?? []
        group.push(found)
        byWeights.set(weights, group)
        if (!byName.has(key)) byName.set(key, group)
      }
    }
    const groups = [...byWeights.values()]
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
    const first = firstReported(group.map(({ model }) => model))
    const sources = group.map(sourceOf)
    const facts = reportedFacts(sources)
    const { digest } = facts
    const hints = hintsFrom(name, first)
    const traits = this.#families.traits({ ...hints, type: reportedType(facts.abilities) ?? hints.type })
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
      ...facts,
      publisher: first('publisher'),
      createdMs,
      lastSeenMs: Math.max(...group.map(({ seenMs }) => seenMs)),
      sources,
    }
  }

  /** Keeps `created` stable between calls. */
  #firstSeen(key: string, seenMs: number): number {
    const known = this.#firstSeenMs.get(key)
    if (known !== undefined) return known
    this.#firstSeenMs.set(key, seenMs)
    return seenMs
  }
}

/** Maps every name to its model; an ID takes precedence over another model's alias. */
function indexNames(models: readonly UnifiedModel[]): Map<string, UnifiedModel> {
  const byName = new Map<string, UnifiedModel>()
  const add = (name: string, model: UnifiedModel) => {
    if (!byName.has(name)) byName.set(name, model)
    if (!byName.has(name.toLowerCase())) byName.set(name.toLowerCase(), model)
  }
  for (const model of models) add(model.id, model)
  for (const model of models) for (const alias of model.aliases) add(alias, model)
  return byName
}

function indexed(byName: ReadonlyMap<string, UnifiedModel>, name: string): UnifiedModel | undefined {
  const exact = byName.get(name) ?? byName.get(name.toLowerCase())
  if (exact !== undefined) return exact
  const other = otherSpelling(name)
  return other === undefined ? undefined : byName.get(other.toLowerCase())
}

/** Maximum names with the same digest to list per model: an endpoint may report one digest for all its models. */
const maxNames = 16

/** Adds to each model the other names with the same digest. */
function withNamesOfSameWeights(models: readonly UnifiedModel[]): UnifiedModel[] {
  const idsOf = new Map<string, string[]>()
  for (const { digest, id } of models) {
    if (digest === undefined) continue
    const ids = idsOf.get(digest)
    if (ids === undefined) idsOf.set(digest, [id])
    else if (ids.length < maxNames) ids.push(id)
  }
  return models.map((model) => {
    const ids = idsOf.get(model.digest ?? '') ?? []
    return ids.length < 2 ? model : { ...model, aliases: [...new Set([...model.aliases, ...ids])] }
  })
}

function sourceOf({ endpoint, model, seenMs }: Found): ModelSource {
  const state = model.state ?? presumedState(endpoint)
  return { endpoint, nativeName: model.name, state, seenMs, listed: model }
}

/** Derives the type of a model from the abilities that its endpoints report, which take precedence over its name. */
function reportedType({ embedding, completion, vision }: ReportedAbilities): string | undefined {
  if (embedding === true && completion !== true) return 'embeddings'
  if (vision !== undefined && completion !== false) return vision ? 'vlm' : 'llm'
  return undefined
}

type FirstReported = <Key extends keyof RoutedModel>(key: Key) => RoutedModel[Key] | undefined

/** Reads each fact from the first model that reports it. */
function firstReported(models: readonly RoutedModel[]): FirstReported {
  return (key) => models.find((model) => model[key] !== undefined)?.[key]
}

function hintsFrom(name: string, reported: FirstReported): TraitHints {
  return {
    name,
    family: reported('family'),
    type: reported('type'),
    quantization: reported('quantization'),
    publisher: reported('publisher'),
    contextLength: reported('contextLength'),
    capabilities: reported('capabilities'),
  }
}

function byId(a: UnifiedModel, b: UnifiedModel): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}

/** State to assume for a backend type that does not report one. */
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

/** Normalizes a name: lower case, without Ollama's `:latest`. */
function normalName(name: string): string {
  return untaggedName(name.toLowerCase())
}

/** The spelling that most endpoints use; alphabetical order breaks ties. */
function commonName(group: readonly Found[]): string {
  const counts = new Map<string, number>()
  for (const { model } of group) counts.set(model.name, (counts.get(model.name) ?? 0) + 1)
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))[0]?.[0] ?? ''
}

function sizeInName(name: string): string {
  return /(?:^|[-_:.])(\d+(?:\.\d+)?(?:x\d+(?:\.\d+)?)?[bm])(?:$|[-_:.])/i.exec(name)?.[1] ?? ''
}

const scale: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, b: 1e9, t: 1e12 }

/** `8x7b` is 56e9, `137m` is 137e6; 0 if the text is not a size. */
export function countParameters(size: string): number {
  const match = /^(?:(\d+)x)?(\d+(?:\.\d+)?)([kmbt])$/i.exec(size)
  if (match === null) return 0
  return Math.round(Number(match[1] ?? 1) * Number(match[2]) * (scale[(match[3] ?? '').toLowerCase()] ?? 0))
}
