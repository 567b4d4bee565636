import { maxModelNameLength } from '../../kernel/names/model-name.ts'
import type { ListFormat } from '../profiles/profile.ts'
import { readAbilities } from '../profiles/told-abilities.ts'
import type { DiscoveredModel, ListEntry } from './discovered-model.ts'

const maxTextLength = 256
const maxWords = 64

/** How an entry of each format is read. A backend is data; only formats differ. */
export const entryReaders: Record<ListFormat, (name: string, entry: ListEntry) => DiscoveredModel> = {
  openai: readOpenAi,
  lmstudio: readLmStudio,
  ollama: readOllama,
}

/** Which of its fields name the model of an entry, in each format. */
export const nameFields: Record<ListFormat, readonly string[]> = {
  openai: ['id', 'name', 'model', 'key'],
  lmstudio: ['id', 'key', 'name', 'model'],
  ollama: ['name', 'model', 'id', 'key'],
}

/** The name in an entry; undefined where it has none that can be used. */
export function nameIn(format: ListFormat, entry: ListEntry): string | undefined {
  for (const field of nameFields[format]) {
    const name = usableName(entry[field])
    if (name !== undefined) return name
  }
  return undefined
}

export function usableName(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > maxModelNameLength) return undefined
  const isUsable = value.trim() !== '' && !/\p{Cc}/u.test(value)
  return isUsable ? value : undefined
}

function readOpenAi(name: string, entry: ListEntry): DiscoveredModel {
  const meta = objectAt(entry, 'meta')
  const status = objectAt(entry, 'status')
  return compact({
    name,
    publisher: text(entry.owned_by) ?? text(entry.publisher),
    // What the server was started with goes before what the model was trained for.
    contextLength:
      count(entry.max_model_len) ??
      count(meta.n_ctx) ??
      count(entry.context_length) ??
      count(entry.context_window) ??
      count(entry.max_context_length) ??
      count(entry.max_input_tokens) ??
      count(meta.n_ctx_train),
    contextInForce: count(entry.loaded_context_length),
    embeddingLength: count(meta.n_embd),
    sizeBytes: count(meta.size),
    parameterSize: sizeText(count(meta.n_params)),
    type: text(entry.type),
    state: loadedState(entry.state) ?? loadedState(status.value),
    capabilities: words(entry.capabilities),
    abilities: readAbilities(entry),
    raw: kept(entry),
  })
}

/** Both `/api/v0/models` and `/api/v1/models` of LM Studio. */
function readLmStudio(name: string, entry: ListEntry): DiscoveredModel {
  const quantization = objectAt(entry, 'quantization')
  const instances = Array.isArray(entry.loaded_instances) ? entry.loaded_instances : undefined
  const instance: unknown = instances?.[0]
  const loadedConfig = isEntry(instance) ? objectAt(instance, 'config') : {}
  return compact({
    name,
    type: text(entry.type),
    publisher: text(entry.publisher),
    family: text(entry.arch) ?? text(entry.architecture),
    format: text(entry.compatibility_type) ?? text(entry.format),
    quantization: text(entry.quantization) ?? text(quantization.name),
    parameterSize: text(entry.params_string),
    sizeBytes: count(entry.size_bytes),
    state:
      loadedState(entry.state) ??
      (instances === undefined ? undefined : instances.length > 0 ? 'loaded' : 'not-loaded'),
    contextLength: count(entry.max_context_length),
    contextInForce: count(entry.loaded_context_length) ?? count(loadedConfig.context_length),
    capabilities: words(entry.capabilities),
    abilities: readAbilities(entry),
    raw: kept(entry),
  })
}

function readOllama(name: string, entry: ListEntry): DiscoveredModel {
  const details = objectAt(entry, 'details')
  return compact({
    name,
    sizeBytes: count(entry.size),
    digest: text(entry.digest),
    family: text(details.family),
    families: words(details.families),
    format: text(details.format),
    parameterSize: text(details.parameter_size),
    quantization: text(details.quantization_level),
    contextLength: count(details.context_length) ?? count(entry.context_length),
    embeddingLength: count(details.embedding_length),
    capabilities: words(entry.capabilities),
    abilities: readAbilities(entry, true),
    raw: kept(entry),
  })
}

/** Fields beyond the common ones that some list shows again. */
const keptFields = [
  'modified_at',
  'checkpoint',
  'recipe',
  'downloaded',
  'parent',
  'radix_cache_size',
  'spec_decoding',
  'frontend_enabled',
] as const

/** A hostile entry may be of any size and depth: only named fields are kept, and only plain values. */
function kept(entry: ListEntry): ListEntry {
  const fields: Record<string, unknown> = {}
  for (const field of keptFields) if (isPlain(entry[field])) fields[field] = entry[field]
  if (isEntry(entry.meta)) {
    const plain = Object.entries(entry.meta).filter(([key, value]) => key.length <= 64 && isPlain(value))
    fields.meta = Object.fromEntries(plain.slice(0, 32))
  }
  return fields
}

function isPlain(value: unknown): boolean {
  if (typeof value === 'string') return value.length <= maxTextLength
  return typeof value === 'number' || typeof value === 'boolean' || value === null
}

type Loose<T> = { [K in keyof T]: T[K] | undefined }

/** Leaves out what is undefined, so that an absent field is absent. */
function compact(model: Loose<DiscoveredModel> & Pick<DiscoveredModel, 'name' | 'raw'>): DiscoveredModel {
  const entries = Object.entries(model).filter(([, value]) => value !== undefined)
  return { ...(Object.fromEntries(entries) as Partial<DiscoveredModel>), name: model.name, raw: model.raw }
}

export function isEntry(value: unknown): value is ListEntry {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function objectAt(entry: ListEntry, key: string): ListEntry {
  const value = entry[key]
  return isEntry(value) ? value : {}
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' && value.length <= maxTextLength ? value : undefined
}

/** A list of words, or the keys to which an object says yes; undefined where there are none. */
function words(value: unknown): readonly string[] | undefined {
  const listed = Array.isArray(value)
    ? value
    : isEntry(value)
      ? Object.keys(value).filter((key) => value[key] === true)
      : undefined
  return listed
    ?.filter((word) => typeof word === 'string' && word !== '' && word.length <= maxTextLength)
    .slice(0, maxWords)
}

export function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined
}

/** `527936` parameters are `0.5M`, `7615616512` are `7.6B`, as Ollama writes them. */
function sizeText(parameters: number | undefined): string | undefined {
  if (parameters === undefined) return undefined
  return parameters >= 1e9 ? `${(parameters / 1e9).toFixed(1)}B` : `${(parameters / 1e6).toFixed(2)}M`
}

function loadedState(value: unknown): 'loaded' | 'not-loaded' | undefined {
  if (value === 'unloaded') return 'not-loaded'
  return value === 'loaded' || value === 'not-loaded' ? value : undefined
}
