import type { ModelFilterRules } from '../../kernel/names/name-filter.ts'
import { NameFilter } from '../../kernel/names/name-filter.ts'
import type { Endpoint } from '../registry/endpoint.ts'
import type { DiscoveredModel, ModelMemory } from './discovered-model.ts'
import { areSameLists, type ModelPlace, NameIndex } from './name-index.ts'

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
  /** Counts up with every change, also where the same was seen again. */
  readonly version: number
  /** Counts up where routing finds something else than before. */
  readonly contentVersion: number
  readonly byEndpoint: ReadonlyMap<number, EndpointModels>
  /** Number of distinct names. */
  readonly size: number
  /** Places by the exact name; where there are none, by the name without regard to case. */
  find(name: string): readonly ModelPlace[]
  /** Distinct names, as spelt, sorted. */
  names(): readonly string[]
}

/**
 * Which endpoint has which model. A new list replaces the endpoint's old one, so a model that is gone is
 * gone; names that a filter, the endpoint's or the one for all, does not allow never enter.
 */
export class ModelCatalog {
  #index = new NameIndex(new Map())
  #snapshot: CatalogSnapshot = createSnapshot(new Map(), 1, 1, this.#index)
  #listener: ListListener = () => {}
  readonly #filter: NameFilter

  /** @param filter names that may be used at all */
  constructor(filter: ModelFilterRules = { include: [], exclude: [] }) {
    this.#filter = new NameFilter(filter)
  }

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
    // In the order of the configuration, whichever answered first.
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
   * @param loaded by name; undefined where that is not known any more
   */
  setLoaded(slot: number, loaded: ReadonlyMap<string, ModelMemory> | undefined): void {
    const known = this.#snapshot.byEndpoint.get(slot)
    if (known === undefined) return
    const models = withStates(known.models, loaded)
    const isSame = models.every((model, index) => isSameState(model, known.models[index]))
    if (!isSame) this.put(slot, { ...known, models })
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
    const before = new Map(known?.models.map((model) => [model.name, model]))
    // A list that says nothing of memory does not unsay what was known.
    const allowed = models
      .filter(({ name }) => filter.allows(name) && this.#filter.allows(name))
      .map((model) => {
        const { state, memory, contextInForce } = before.get(model.name) ?? {}
        return model.state !== undefined || state === undefined
          ? model
          : { ...model, ...told({ state, memory, contextInForce: model.contextInForce ?? contextInForce }) }
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

/** The same models, in memory or not as an endpoint says. */
function withStates(
  models: readonly DiscoveredModel[],
  loaded: ReadonlyMap<string, ModelMemory> | undefined,
): DiscoveredModel[] {
  return models.map((model) => {
    const { state: _state, memory: _memory, contextInForce: _context, ...rest } = model
    if (loaded === undefined) return rest
    const memory = loaded.get(model.name)
    if (memory === undefined) return { ...rest, state: 'not-loaded' }
    return { ...rest, state: 'loaded', ...told({ memory, contextInForce: memory.contextLength }) }
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

/** Leaves out what is undefined, so that an absent field is absent. */
function told(facts: { [Key in keyof MemoryFacts]: MemoryFacts[Key] | undefined }): MemoryFacts {
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
