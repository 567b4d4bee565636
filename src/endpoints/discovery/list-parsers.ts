import { isDeeper } from '../../kernel/json/json-depth.ts'
import type { ListFormat } from '../profiles/profile.ts'
import { type ReportedAbilities, readAbilities, readPropsAbilities } from '../profiles/reported-abilities.ts'
import type { DiscoveredModel, ListEntry, ModelMemory } from './discovered-model.ts'
import { count, entryReaders, isEntry, nameIn, usableName } from './list-entries.ts'

export interface ParsedList {
  readonly models: readonly DiscoveredModel[]
  /** Entries without a usable name, and duplicates. */
  readonly skipped: number
  /** Entries beyond the limit. */
  readonly cut: number
}

/** A body that is not a list in the expected format. */
export class ListFormatError extends Error {
  override readonly name = 'ListFormatError'
}

/** More models than any real server has; a hostile server's longer list would slow down every client. */
export const maxModels = 10_000
/** Real lists have eight levels; a parser needs some hundred bytes for each. */
const maxLevels = 64

const listKeys: Record<ListFormat, string> = { openai: 'data', lmstudio: 'data', ollama: 'models' }

/**
 * Parses a model list as leniently as servers write it: `null` is an empty list (`ollama serve` without models); a list
 * may be the whole document (Together), or an object by name; entries may be plain names.
 * @throws ListFormatError
 */
export function parseModelList(format: ListFormat, body: Buffer): ParsedList {
  const document = parseJson(body)
  if (document === undefined) {
    const fault = isDeeper(body, maxLevels) ? `nested more than ${maxLevels} levels deep` : 'not JSON'
    throw new ListFormatError(`the model list is ${fault}`)
  }
  const entries = entriesOf(document, format)
  if (entries === undefined) throw new ListFormatError(`the model list has no "${listKeys[format]}" array`)
  const extra = capabilitiesBeside(document, listKeys[format])
  const read = entryReaders[format]
  const models = new Map<string, DiscoveredModel>()
  const limit = Math.min(entries.length, maxModels)
  for (let at = 0; at < limit; at++) {
    const entry = asEntry(entries[at])
    const name = entry && nameIn(format, entry)
    if (entry === undefined || name === undefined || models.has(name)) continue
    const model = read(name, entry)
    const abilities = model.abilities ?? extra?.get(name)
    models.set(name, abilities === undefined ? model : { ...model, abilities })
  }
  return { models: [...models.values()], skipped: limit - models.size, cut: entries.length - limit }
}

/**
 * Returns undefined if the bytes are not JSON, or nested too deeply. Ignores a byte order mark, like most clients (RFC
 * 8259, 8.1).
 */
function parseJson(body: Buffer): unknown {
  if (isDeeper(body, maxLevels)) return undefined
  try {
    const text = body.toString('utf8')
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text)
  } catch {
    return undefined
  }
}

function entriesOf(document: unknown, format: ListFormat): readonly unknown[] | undefined {
  if (Array.isArray(document)) return document
  if (!isEntry(document)) return undefined
  const key = listKeys[format]
  const own = listAt(document, key)
  if (own !== undefined && own.length > 0) return own
  for (const other of ['data', 'models', 'model_list', 'result', 'items']) {
    const entries = other === key ? undefined : listAt(document, other)
    // An empty list under another name means the wrong endpoint type rather than a list without models.
    if (entries !== undefined && entries.length > 0) return entries
  }
  return own ?? (document[key] === null ? [] : undefined)
}

function listAt(document: ListEntry, key: string): readonly unknown[] | undefined {
  const value = document[key]
  if (Array.isArray(value)) return value
  if (!isEntry(value)) return undefined
  const inner = value.data ?? value.models
  if (Array.isArray(inner)) return inner
  return Object.entries(value).map(([name, entry]) =>
    isEntry(entry) ? { ...entry, id: usableName(entry.id) ?? name } : name,
  )
}

function asEntry(value: unknown): ListEntry | undefined {
  if (typeof value === 'string') return { id: value }
  return isEntry(value) ? value : undefined
}

/** llama.cpp has a second list in its answer; in builds of 2025 only that one contains the capabilities. */
function capabilitiesBeside(document: unknown, key: string): Map<string, ReportedAbilities> | undefined {
  if (key !== 'data' || !isEntry(document) || !Array.isArray(document.models)) return undefined
  const found = new Map<string, ReportedAbilities>()
  for (const entry of document.models.slice(0, maxModels)) {
    const name = isEntry(entry) ? nameIn('ollama', entry) : undefined
    const abilities = isEntry(entry) ? readAbilities(entry) : undefined
    if (name !== undefined && abilities !== undefined) found.set(name, abilities)
  }
  return found
}

/** Reads llama.cpp's `/props`, which describes the one model that it runs. */
export function readProps(body: Buffer): Pick<DiscoveredModel, 'contextLength' | 'abilities'> | undefined {
  const document = parseJson(body)
  if (!isEntry(document)) return undefined
  const settings = document.default_generation_settings
  const contextLength = isEntry(settings) ? count(settings.n_ctx) : undefined
  const abilities = readPropsAbilities(document)
  return {
    ...(contextLength === undefined ? {} : { contextLength }),
    ...(abilities === undefined ? {} : { abilities }),
  }
}

/**
 * Parses the models in memory, by name, in the format of the model list.
 * @throws ListFormatError
 */
export function parseLoadedModels(format: ListFormat, body: Buffer): Map<string, ModelMemory> {
  const document = parseJson(body)
  const entries = entriesOf(document, format)
  if (entries === undefined) throw new ListFormatError('the list of loaded models cannot be read')
  const loaded = new Map<string, ModelMemory>()
  for (const value of entries.slice(0, maxModels)) {
    const entry = asEntry(value)
    const name = entry && nameIn(format, entry)
    if (entry === undefined || name === undefined) continue
    const { expires_at: expiresAt } = entry
    loaded.set(name, {
      sizeBytes: count(entry.size),
      vramBytes: count(entry.size_vram),
      expiresAt: typeof expiresAt === 'string' && expiresAt.length <= 64 ? expiresAt : undefined,
      contextLength: count(entry.context_length),
    })
  }
  return loaded
}
