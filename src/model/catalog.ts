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
}

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

  get snapshot(): CatalogSnapshot {
    return this.#snapshot
  }

  /**
   * Forgets the models of endpoints whose list was not seen for long.
   * @param beforeMs epoch milliseconds; lists last seen earlier go
   */
  expire(beforeMs: number): void {
    const fresh = new Map([...this.#snapshot.byEndpoint].filter(([, { seenMs }]) => seenMs >= beforeMs))
    if (fresh.size === this.#snapshot.byEndpoint.size) return
    this.#snapshot = createSnapshot(fresh, this.#snapshot.version + 1)
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
    const byEndpoint = new Map(this.#snapshot.byEndpoint)
    byEndpoint.set(slot, { ...known, models })
    this.#snapshot = createSnapshot(byEndpoint, this.#snapshot.version + 1)
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
    const states = new Map(
      this.#snapshot.byEndpoint.get(endpoint.slot)?.models.map(({ name, state }) => [name, state]),
    )
    // A list that says nothing of memory does not unsay what was known.
    const allowed = models
      .filter(({ name }) => filter.allows(name))
      .map((model) => {
        const state = model.state ?? states.get(model.name)
        return state === undefined ? model : { ...model, state }
      })
    const before = new Set(this.#snapshot.byEndpoint.get(endpoint.slot)?.models.map(({ name }) => name))
    const after = new Set(allowed.map(({ name }) => name))
    const byEndpoint = new Map(this.#snapshot.byEndpoint)
    const known = byEndpoint.get(endpoint.slot)?.serverVersion
    byEndpoint.set(endpoint.slot, { models: allowed, seenMs, serverVersion: serverVersion ?? known })
    // In the order of the configuration, whoever answered first.
    const ordered = new Map([...byEndpoint].sort(([a], [b]) => a - b))
    this.#snapshot = createSnapshot(ordered, this.#snapshot.version + 1)
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

function createSnapshot(byEndpoint: ReadonlyMap<number, EndpointModels>, version: number): CatalogSnapshot {
  const exact = new Map<string, ModelPlace[]>()
  const folded = new Map<string, ModelPlace[]>()
  for (const [slot, { models }] of byEndpoint) {
    for (const model of models) {
      const place = { slot, model }
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
  const names = new Set<string>()
  for (const { models } of byEndpoint.values()) for (const { name } of models) names.add(name)
  const sorted = [...names].sort()
  return {
    version,
    byEndpoint,
    size: sorted.length,
    find: (name) => exact.get(name) ?? folded.get(name.toLowerCase()) ?? nowhere,
    names: () => sorted,
  }
}

function add(index: Map<string, ModelPlace[]>, key: string, place: ModelPlace): void {
  const places = index.get(key)
  if (places === undefined) index.set(key, [place])
  else if (!places.some(({ slot }) => slot === place.slot)) places.push(place)
}
