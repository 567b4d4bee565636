import { maxModelNameLength } from '../../kernel/names/model-name.ts'
import type { ListFormat } from '../profiles/profile.ts'
import { readAbilities } from '../profiles/reported-abilities.ts'
import type { DiscoveredModel, ListEntry } from './discovered-model.ts'

const maxTextLength = 256
const maxTexts = 64

/** Entry reader per format. Backends are data; only formats differ in code. */
export const entryReaders: Record<ListFormat, (name: string, entry: ListEntry) => DiscoveredModel> = {
  openai: readOpenAi,
  lmstudio: readLmStudio,
  ollama: readOllama,
}

/** Fields that may hold the model name of an entry, per format. */
export const nameFields: Record<ListFormat, readonly string[]> = {
  openai: ['id', 'name', 'model', 'key'],
  lmstudio: ['id', 'key', 'name', 'model'],
  ollama: ['name', 'model', 'id', 'key'],
}

/** Returns the name in an entry; undefined if there is no usable one. */
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
    // The server's startup setting takes precedence over the model's own maximum.
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
    capabilities: textList(entry.capabilities),
    abilities: readAbilities(entry),
    raw: kept(entry),
  })
}

/** Reads both `/api/v0/models` and `/api/v1/models` of LM Studio. */
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
    capabilities: textList(entry.capabilities),
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
    families: textList(details.families),
    format: text(details.format),
    parameterSize: text(details.parameter_size),
    quantization: text(details.quantization_level),
    contextLength: count(details.context_length) ?? count(entry.context_length),
    embeddingLength: count(details.embedding_length),
    capabilities: textList(entry.capabilities),
    abilities: readAbilities(entry, true),
    raw: kept(entry),
  })
}

/** Less common fields that some list shows again. */
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

/** A hostile entry may have any size and depth: keep only named fields with plain values. */
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

/** Omits undefined values, so that an absent field is absent. */
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

/** Reads a list of strings, or the keys of an object with a true value; undefined if there are none. */
function textList(value: unknown): readonly string[] | undefined {
  const listed = Array.isArray(value)
    ? value
    : isEntry(value)
      ? Object.keys(value).filter((key) => value[key] === true)
      : undefined
  return listed
    ?.filter((word) => typeof word === 'string' && word !== '' && word.length <= maxTextLength)
    .slice(0, maxTexts)
}

export function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined
}

/** Formats `527936` parameters as `0.5M`, `7615616512` as `7.6B`, like Ollama. */
function sizeText(parameters: number | undefined): string | undefined {
  if (parameters === undefined) return undefined
  return parameters >= 1e9 ? `${(parameters / 1e9).toFixed(1)}B` : `${(parameters / 1e6).toFixed(2)}M`
}

function loadedState(value: unknown): 'loaded' | 'not-loaded' | undefined {
  if (value === 'unloaded') return 'not-loaded'
  return value === 'loaded' || value === 'not-loaded' ? value : undefined
}
