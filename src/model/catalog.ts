import type { Endpoint } from '../endpoint/endpoint.ts'
import { NameFilter } from './glob.ts'
import type { DiscoveredModel } from './list-parsers.ts'

/** One model on one endpoint. */
export interface ModelPlace {
  readonly slot: number
  readonly model: DiscoveredModel
}

/** What one endpoint is known to have. */
export interface EndpointModels {
  readonly models: readonly DiscoveredModel[]
  /** Epoch milliseconds of the last successful look. */
  readonly seenMs: number
  /** As the server tells it; absent where it does not. */
  readonly serverVersion?: string | undefined
  /** Epoch milliseconds of the first look that found a model, by name. */
  readonly firstSeenMs: ReadonlyMap<string, number>
}

/** Told of an endpoint's list that has changed; undefined is none. */
export type ListListener = (
  slot: number,
  list: EndpointModels | undefined,
  before: EndpointModels | undefined,
) => void

/** All models of all endpoints at one moment: immutable, replaced whole. */
export interface CatalogSnapshot {
  readonly version: number
  readonly byEndpoint: ReadonlyMap<number, EndpointModels>
  /** Number of distinct names. */
  readonly size: number
  /** Places by the exact name; where there are none, by the name without regard to case. */
  find(name: string): readonly ModelPlace[]
  /** Distinct names, as spelt, sorted. */
  names(): readonly string[]
}

const nowhere: readonly ModelPlace[] = []

/**
 * Which endpoint has which model. A new list replaces the endpoint's old one, so a model that is gone is
 * gone; names that the endpoint's filter does not allow never enter.
 */
export class ModelCatalog {
  #snapshot: CatalogSnapshot = createSnapshot(new Map(), 1)
  #listener: ListListener = () => {}

  get snapshot(): CatalogSnapshot {
    return this.#snapshot
  }

  onChange(listener: ListListener): void {
    this.#listener = listener
  }

  /** Takes an endpoint's list as it is, or takes it away. */
  put(slot: number, list: EndpointModels | undefined): void {
    const before = this.#snapshot.byEndpoint.get(slot)
    if (list === undefined && before === undefined) return
    const byEndpoint = new Map(this.#snapshot.byEndpoint)
    if (list === undefined) byEndpoint.delete(slot)
    else byEndpoint.set(slot, list)
    // In the order of the configuration, whoever answered first.
    const isNew = before === undefined
    const ordered = isNew ? new Map([...byEndpoint].sort(([a], [b]) => a - b)) : byEndpoint
    this.#snapshot = createSnapshot(ordered, this.#snapshot.version + 1)
    this.#listener(slot, list, before)
  }

  /**
   * Forgets the models of endpoints whose list was not seen for long.
   * @param beforeMs epoch milliseconds; lists last seen earlier go
   */
  expire(beforeMs: number): void {
    for (const [slot, { seenMs }] of this.#snapshot.byEndpoint) {
      if (seenMs < beforeMs) this.put(slot, undefined)
    }
  }

  /**
   * Notes which of an endpoint's models are in memory.
   * @param loaded undefined where that is not known any more
   */
  setLoaded(slot: number, loaded: ReadonlySet<string> | undefined): void {
    const known = this.#snapshot.byEndpoint.get(slot)
    if (known === undefined) return
    const models = withStates(known.models, loaded)
    if (models.every((model, index) => model.state === known.models[index]?.state)) return
    this.put(slot, { ...known, models })
  }

  /**
   * @param serverVersion undefined where it was not told this time
   * @returns which names came and which went
   */
  update(
    endpoint: Pick<Endpoint, 'slot' | 'modelFilter'>,
    models: readonly DiscoveredModel[],
    seenMs: number,
    serverVersion?: string,
  ): { added: string[]; removed: string[] } {
    const filter = new NameFilter(endpoint.modelFilter)
    const known = this.#snapshot.byEndpoint.get(endpoint.slot)
    const states = new Map(known?.models.map(({ name, state }) => [name, state]))
    // A list that says nothing of memory does not unsay what was known.
    const allowed = models
      .filter(({ name }) => filter.allows(name))
      .map((model) => {
        const state = model.state ?? states.get(model.name)
        return state === undefined ? model : { ...model, state }
      })
    const before = new Set(known?.models.map(({ name }) => name))
    const after = new Set(allowed.map(({ name }) => name))
    this.put(endpoint.slot, {
      models: allowed,
      seenMs,
      serverVersion: serverVersion ?? known?.serverVersion,
      firstSeenMs: new Map([...after].map((name) => [name, known?.firstSeenMs.get(name) ?? seenMs])),
    })
    return {
      added: [...after].filter((name) => !before.has(name)),
      removed: [...before].filter((name) => !after.has(name)),
    }
  }
}

/** The same models, in memory or not as an endpoint says. */
function withStates(
  models: readonly DiscoveredModel[],
  loaded: ReadonlySet<string> | undefined,
): DiscoveredModel[] {
  return models.map((model) => {
    const { state: _state, ...rest } = model
    if (loaded === undefined) return rest
    return { ...rest, state: loaded.has(model.name) ? 'loaded' : 'not-loaded' }
  })
}

interface NameIndex {
  readonly exact: ReadonlyMap<string, ModelPlace[]>
  readonly folded: ReadonlyMap<string, ModelPlace[]>
  readonly names: readonly string[]
}

/** Looking for names is made ready when somebody first does: while a fleet starts, list follows list. */
function createSnapshot(byEndpoint: ReadonlyMap<number, EndpointModels>, version: number): CatalogSnapshot {
  let index: NameIndex | undefined
  const indexed = () => {
    index ??= indexNames(byEndpoint)
    return index
  }
  return {
    version,
    byEndpoint,
    get size() {
      return indexed().names.length
    },
    find(name) {
      const { exact, folded } = indexed()
      return exact.get(name) ?? folded.get(name.toLowerCase()) ?? nowhere
    },
    names: () => indexed().names,
  }
}

function indexNames(byEndpoint: ReadonlyMap<number, EndpointModels>): NameIndex {
  const exact = new Map<string, ModelPlace[]>()
  const folded = new Map<string, ModelPlace[]>()
  const names = new Set<string>()
  for (const [slot, { models }] of byEndpoint) {
    for (const model of models) {
      const place = { slot, model }
      names.add(model.name)
      add(exact, model.name, place)
      add(folded, model.name.toLowerCase(), place)
      // Models of one name with different weights: each can be asked for by its digest.
      if (model.digest !== undefined) {
        add(exact, `${model.name}@${model.digest.replace(/^sha256:/, '').slice(0, 8)}`, place)
      }
      // Ollama reads a name without a tag as `:latest`, and lists it with the tag.
      if (model.name.endsWith(':latest')) {
        const untagged = model.name.slice(0, -':latest'.length)
        add(exact, untagged, place)
        add(folded, untagged.toLowerCase(), place)
      }
    }
  }
  return { exact, folded, names: [...names].sort() }
}

function add(index: Map<string, ModelPlace[]>, key: string, place: ModelPlace): void {
  const places = index.get(key)
  if (places === undefined) index.set(key, [place])
  else if (!places.some(({ slot }) => slot === place.slot)) places.push(place)
}
