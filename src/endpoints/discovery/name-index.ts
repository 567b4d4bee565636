import { isLatest, untaggedName } from '../../kernel/names/tags.ts'
import { areSameAbilities } from '../profiles/reported-abilities.ts'
import type { DiscoveredModel } from './discovered-model.ts'

/** The fields that routing uses; the others may contain a time that differs with each read. */
export type RoutedModel = Omit<DiscoveredModel, 'raw' | 'memory'>

/** One model on one endpoint. */
export interface ModelPlace {
  readonly slot: number
  readonly model: RoutedModel
}

/** Models of each endpoint by its slot, in the order of the configuration. */
export type ModelLists = ReadonlyMap<number, { readonly models: readonly RoutedModel[] }>

type Places = Map<string, readonly ModelPlace[]>

interface Maps {
  readonly exact: Places
  /** By the name ignoring case. */
  readonly folded: Places
}

/** An existing index whose lists have changed. */
interface Basis {
  readonly maps: Maps
  readonly lists: ModelLists
  readonly changed: ReadonlySet<number>
}

const nowhere: readonly ModelPlace[] = []

/**
 * Finds the places of a name in all lists. Immutable, and built lazily at the first lookup, because lists arrive one
 * after another while a fleet starts. After a change it updates only the names of the changed lists; the other names
 * keep their arrays, so that callers can cache results derived from them.
 */
export class NameIndex {
  readonly #lists: ModelLists
  #basis: Basis | undefined
  #maps: Maps | undefined
  #names: readonly string[] | undefined

  constructor(lists: ModelLists, basis?: Basis) {
    this.#lists = lists
    this.#basis = basis
  }

  /** Returns places by the exact name; if there are none, ignoring case, then without `:latest`. */
  find(name: string): readonly ModelPlace[] {
    this.#maps ??= this.#build()
    const { exact, folded } = this.#maps
    const places = exact.get(name) ?? folded.get(name.toLowerCase())
    if (places !== undefined) return places
    return isLatest(name) ? (folded.get(untaggedName(name).toLowerCase()) ?? nowhere) : nowhere
  }

  /** Returns distinct names in their original spelling, sorted. */
  names(): readonly string[] {
    if (this.#names === undefined) {
      const names = new Set<string>()
      for (const { models } of this.#lists.values()) for (const { name } of models) names.add(name)
      this.#names = [...names].sort()
    }
    return this.#names
  }

  /** Returns the index after one list has changed. */
  after(slot: number, lists: ModelLists): NameIndex {
    if (this.#maps !== undefined) {
      return new NameIndex(lists, { maps: this.#maps, lists: this.#lists, changed: new Set([slot]) })
    }
    const basis = this.#basis
    return new NameIndex(lists, basis && { ...basis, changed: new Set([...basis.changed, slot]) })
  }

  #build(): Maps {
    const { maps, lists, changed } = this.#basis ?? {
      maps: { exact: new Map(), folded: new Map() },
      lists: new Map(),
      changed: this.#lists.keys(),
    }
    this.#basis = undefined
    const exact = new Map(maps.exact)
    const folded = new Map(maps.folded)
    for (const slot of changed) {
      const before = lists.get(slot)?.models ?? []
      const models = this.#lists.get(slot)?.models ?? []
      move(exact, slot, byKey(before, exactKeys), byKey(models, exactKeys))
      move(folded, slot, byKey(before, foldedKeys), byKey(models, foldedKeys))
    }
    return { exact, folded }
  }
}

/** Whether both lists produce the same routing. */
export function areSameLists(one: readonly RoutedModel[], other: readonly RoutedModel[]): boolean {
  return (
    one.length === other.length &&
    one.every((model, at) => {
      const counterpart = other[at]
      return counterpart !== undefined && isSame(model, counterpart)
    })
  )
}

function isSame(one: RoutedModel, other: RoutedModel): boolean {
  return (
    one.name === other.name &&
    one.state === other.state &&
    one.type === other.type &&
    one.contextLength === other.contextLength &&
    one.digest === other.digest &&
    one.family === other.family &&
    one.parameterSize === other.parameterSize &&
    one.quantization === other.quantization &&
    one.format === other.format &&
    one.sizeBytes === other.sizeBytes &&
    one.publisher === other.publisher &&
    one.contextInForce === other.contextInForce &&
    one.embeddingLength === other.embeddingLength &&
    areSameTexts(one.capabilities, other.capabilities) &&
    areSameTexts(one.families, other.families) &&
    areSameAbilities(one.abilities, other.abilities)
  )
}

function areSameTexts(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  return one === other || one?.join() === other?.join()
}

/** Returns the first model of a list for each key. */
function byKey(
  models: readonly RoutedModel[],
  keysOf: (model: RoutedModel) => readonly string[],
): Map<string, RoutedModel> {
  const found = new Map<string, RoutedModel>()
  for (const model of models) {
    for (const key of keysOf(model)) if (!found.has(key)) found.set(key, model)
  }
  return found
}

function exactKeys({ name, digest }: RoutedModel): readonly string[] {
  const keys = untagged(name)
  // If models with one name have different weights, each can be requested by its digest.
  return digest === undefined ? keys : [...keys, `${name}@${digest.replace(/^sha256:/, '').slice(0, 8)}`]
}

function foldedKeys({ name }: RoutedModel): readonly string[] {
  return untagged(name).map((key) => key.toLowerCase())
}

/** Ollama treats a name without a tag as `:latest`, and lists it with the tag. */
function untagged(name: string): readonly string[] {
  return isLatest(name) ? [name, untaggedName(name)] : [name]
}

function move(
  index: Places,
  slot: number,
  before: ReadonlyMap<string, RoutedModel>,
  after: ReadonlyMap<string, RoutedModel>,
): void {
  for (const key of before.keys()) {
    if (after.has(key)) continue
    const rest = (index.get(key) ?? nowhere).filter((place) => place.slot !== slot)
    if (rest.length === 0) index.delete(key)
    else index.set(key, rest)
  }
  for (const [key, model] of after) {
    const known = before.get(key)
    if (known !== undefined && isSame(known, model)) continue
    const places = index.get(key) ?? nowhere
    const at = places.findIndex((place) => place.slot >= slot)
    const split = at < 0 ? places.length : at
    const rest = places.slice(split).filter((place) => place.slot !== slot)
    index.set(key, [...places.slice(0, split), { slot, model }, ...rest])
  }
}
