import type { ModelFilterRules } from '../../kernel/names/name-filter.ts'
import { NameFilter } from '../../kernel/names/name-filter.ts'
import type { Endpoint } from '../registry/endpoint.ts'
import type { DiscoveredModel, ModelMemory } from './discovered-model.ts'
import { areSameLists, type ModelPlace, NameIndex } from './name-index.ts'

/** The known models of one endpoint. */
export interface EndpointModels {
  readonly models: readonly DiscoveredModel[]
  /** Epoch milliseconds of the last successful read. */
  readonly seenMs: number
  /** As reported by the server; absent if it reports none. */
  readonly serverVersion?: string | undefined
  /** Epoch milliseconds when each model was first found, by name. */
  readonly firstSeenMs: ReadonlyMap<string, number>
}

/** Called when an endpoint's list has changed; undefined for no list. */
export type ListListener = (
  slot: number,
  list: EndpointModels | undefined,
  before: EndpointModels | undefined,
) => void

/** All models of all endpoints at one moment: immutable, replaced as a whole. */
export interface CatalogSnapshot {
  /** Counts up with every change, even if the list is the same as before. */
  readonly version: number
  /** Counts up when routing results may change. */
  readonly contentVersion: number
  readonly byEndpoint: ReadonlyMap<number, EndpointModels>
  /** Number of distinct names. */
  readonly size: number
  /** Returns places by the exact name; if there are none, by the name ignoring case. */
  find(name: string): readonly ModelPlace[]
  /** Returns distinct names in their original spelling, sorted. */
  names(): readonly string[]
}

/**
 * Which endpoint has which model. A new list replaces the endpoint's old one, so a removed model disappears; names that
 * a filter (the endpoint's or the global one) excludes never enter.
 */
export class ModelCatalog {
  #index = new NameIndex(new Map())
  #snapshot: CatalogSnapshot = createSnapshot(new Map(), 1, 1, this.#index)
  #listener: ListListener = () => {}
  #filter: NameFilter

  /** @param filter the global filter for names */
  constructor(filter: ModelFilterRules = { include: [], exclude: [] }) {
    this.#filter = new NameFilter(filter)
  }

  /** Changes the global filter; lists that are read from now on follow it. */
  setFilter(filter: ModelFilterRules): void {
    this.#filter = new NameFilter(filter)
  }

  get snapshot(): CatalogSnapshot {
    return this.#snapshot
  }

  onChange(listener: ListListener): void {
    this.#listener = listener
  }

  /** Stores an endpoint's list unchanged, or removes it. */
  put(slot: number, list: EndpointModels | undefined): void {
    const before = this.#snapshot.byEndpoint.get(slot)
    if (list === undefined && before === undefined) return
    const byEndpoint = new Map(this.#snapshot.byEndpoint)
    if (list === undefined) byEndpoint.delete(slot)
    else byEndpoint.set(slot, list)
    // Keep the order of the configuration, regardless of which endpoint answered first.
    const isNew = before === undefined
    const ordered = isNew ? new Map([...byEndpoint].sort(([a], [b]) => a - b)) : byEndpoint
    const { version, contentVersion } = this.#snapshot
    const isSeenAgain = list !== undefined && before !== undefined && areSameLists(list.models, before.models)
    if (!isSeenAgain) this.#index = this.#index.after(slot, ordered)
    this.#snapshot = createSnapshot(
      ordered,
      version + 1,
      isSeenAgain ? contentVersion : contentVersion + 1,
      this.#index,
    )
    this.#listener(slot, list, before)
  }

  /**
   * Removes the models of endpoints whose list is outdated.
   * @param beforeMs epoch milliseconds; removes lists last seen earlier
   */
  expire(beforeMs: number): void {
    for (const [slot, { seenMs }] of this.#snapshot.byEndpoint) {
      if (seenMs < beforeMs) this.put(slot, undefined)
    }
  }

  /**
   * Records which of an endpoint's models are in memory.
   * @param loaded by name; undefined if no longer known
   */
  setLoaded(slot: number, loaded: ReadonlyMap<string, ModelMemory> | undefined): void {
    const known = this.#snapshot.byEndpoint.get(slot)
    if (known === undefined) return
    const models = withStates(known.models, loaded)
    const isSame = models.every((model, index) => isSameState(model, known.models[index]))
    if (!isSame) this.put(slot, { ...known, models })
  }

  /**
   * Stores an endpoint's new list.
   * @param serverVersion undefined if the server did not report it this time
   * @returns the names added and removed
   */
  update(
    endpoint: Pick<Endpoint, 'slot' | 'modelFilter'>,
    models: readonly DiscoveredModel[],
    seenMs: number,
    serverVersion?: string,
  ): { added: string[]; removed: string[] } {
    const filter = new NameFilter(endpoint.modelFilter)
    const known = this.#snapshot.byEndpoint.get(endpoint.slot)
    const before = new Map(known?.models.map((model) => [model.name, model]))
    // A list without memory states does not reset the known ones.
    const allowed = models
      .filter(({ name }) => filter.allows(name) && this.#filter.allows(name))
      .map((model) => {
        const { state, memory, contextInForce } = before.get(model.name) ?? {}
        return model.state !== undefined || state === undefined
          ? model
          : {
              ...model,
              ...defined({ state, memory, contextInForce: model.contextInForce ?? contextInForce }),
            }
      })
    const after = new Set(allowed.map(({ name }) => name))
    this.put(endpoint.slot, {
      models: allowed,
      seenMs,
      serverVersion: serverVersion ?? known?.serverVersion,
      firstSeenMs: new Map([...after].map((name) => [name, known?.firstSeenMs.get(name) ?? seenMs])),
    })
    return {
      added: [...after].filter((name) => !before.has(name)),
      removed: [...before.keys()].filter((name) => !after.has(name)),
    }
  }
}

/** Returns the models with the memory states that the endpoint reports. */
function withStates(
  models: readonly DiscoveredModel[],
  loaded: ReadonlyMap<string, ModelMemory> | undefined,
): DiscoveredModel[] {
  return models.map((model) => {
    const { state: _state, memory: _memory, contextInForce: _context, ...rest } = model
    if (loaded === undefined) return rest
    const memory = loaded.get(model.name)
    if (memory === undefined) return { ...rest, state: 'not-loaded' }
    return { ...rest, state: 'loaded', ...defined({ memory, contextInForce: memory.contextLength }) }
  })
}

function isSameState(one: DiscoveredModel, other: DiscoveredModel | undefined): boolean {
  return (
    one.state === other?.state &&
    one.memory?.expiresAt === other?.memory?.expiresAt &&
    one.memory?.sizeBytes === other?.memory?.sizeBytes &&
    one.memory?.vramBytes === other?.memory?.vramBytes &&
    one.contextInForce === other?.contextInForce
  )
}

type MemoryFacts = Pick<DiscoveredModel, 'state' | 'memory' | 'contextInForce'>

/** Omits undefined values, so that an absent field is absent. */
function defined(facts: { [Key in keyof MemoryFacts]: MemoryFacts[Key] | undefined }): MemoryFacts {
  const { state, memory, contextInForce } = facts
  return {
    ...(state === undefined ? {} : { state }),
    ...(memory === undefined ? {} : { memory }),
    ...(contextInForce === undefined ? {} : { contextInForce }),
  }
}

function createSnapshot(
  byEndpoint: ReadonlyMap<number, EndpointModels>,
  version: number,
  contentVersion: number,
  index: NameIndex,
): CatalogSnapshot {
  return {
    version,
    contentVersion,
    byEndpoint,
    get size() {
      return index.names().length
    },
    find: (name) => index.find(name),
    names: () => index.names(),
  }
}
