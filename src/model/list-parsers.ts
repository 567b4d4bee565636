import type { ListFormat } from './profile.ts'

/** One model as its endpoint lists it. Absent fields were not told. */
export interface DiscoveredModel {
  /** Spelt as the backend spells it. */
  readonly name: string
  /** `llm`, `vlm`, `embeddings`, … */
  readonly type?: string
  readonly family?: string
  /** `7B`, `70.6B`. */
  readonly parameterSize?: string
  /** `Q4_0`, `fp16`. */
  readonly quantization?: string
  /** `gguf`, `mlx`. */
  readonly format?: string
  readonly digest?: string
  readonly sizeBytes?: number
  /** Tokens. */
  readonly contextLength?: number
  readonly state?: 'loaded' | 'not-loaded'
  readonly publisher?: string
  readonly capabilities?: readonly string[]
  /** The entry as it came. */
  readonly raw: Readonly<Record<string, unknown>>
}

export interface ParsedList {
  readonly models: readonly DiscoveredModel[]
  /** Entries without a usable name. */
  readonly skipped: number
}

/** A body that is not a list in the expected format. */
export class ListFormatError extends Error {
  override readonly name = 'ListFormatError'
}

type Entry = Readonly<Record<string, unknown>>

/** Which array holds the entries, and how one is read. A backend is data; only formats differ. */
const formats: Record<
  ListFormat,
  { listKey: 'data' | 'models'; read: (entry: Entry) => DiscoveredModel | undefined }
> = {
  openai: { listKey: 'data', read: readOpenAi },
  lmstudio: { listKey: 'data', read: readLmStudio },
  ollama: { listKey: 'models', read: readOllama },
}

/** @throws ListFormatError */
export function parseModelList(format: ListFormat, body: Buffer): ParsedList {
  const { listKey, read } = formats[format]
  let document: unknown
  try {
    document = JSON.parse(body.toString('utf8'))
  } catch {
    throw new ListFormatError('the model list is not JSON')
  }
  const list = isEntry(document) ? document[listKey] : undefined
  if (!Array.isArray(list)) throw new ListFormatError(`the model list has no "${listKey}" array`)
  const models: DiscoveredModel[] = []
  const seen = new Set<string>()
  for (const item of list) {
    const model = isEntry(item) ? read(item) : undefined
    if (model === undefined || seen.has(model.name)) continue
    seen.add(model.name)
    models.push(model)
  }
  return { models, skipped: list.length - models.length }
}

function readOpenAi(entry: Entry): DiscoveredModel | undefined {
  const name = text(entry.id)
  if (name === undefined) return undefined
  const meta = isEntry(entry.meta) ? entry.meta : {}
  return compact({
    name,
    publisher: text(entry.owned_by),
    contextLength: count(entry.max_model_len) ?? count(entry.context_length) ?? count(meta.n_ctx_train),
    sizeBytes: count(meta.size),
    type: text(entry.type),
    state: loadedState(entry.state),
    raw: entry,
  })
}

function readLmStudio(entry: Entry): DiscoveredModel | undefined {
  const name = text(entry.id)
  if (name === undefined) return undefined
  return compact({
    name,
    type: text(entry.type),
    publisher: text(entry.publisher),
    family: text(entry.arch),
    format: text(entry.compatibility_type),
    quantization: text(entry.quantization),
    state: loadedState(entry.state),
    contextLength: count(entry.max_context_length),
    capabilities: texts(entry.capabilities),
    raw: entry,
  })
}

function readOllama(entry: Entry): DiscoveredModel | undefined {
  const name = text(entry.name) ?? text(entry.model)
  if (name === undefined) return undefined
  const details = isEntry(entry.details) ? entry.details : {}
  return compact({
    name,
    sizeBytes: count(entry.size),
    digest: text(entry.digest),
    family: text(details.family),
    format: text(details.format),
    parameterSize: text(details.parameter_size),
    quantization: text(details.quantization_level),
    capabilities: texts(entry.capabilities),
    raw: entry,
  })
}

/** Context length in the answer of llama.cpp's `/props`. */
export function readContextLength(body: Buffer): number | undefined {
  try {
    const document: unknown = JSON.parse(body.toString('utf8'))
    const settings = isEntry(document) ? document.default_generation_settings : undefined
    return isEntry(settings) ? count(settings.n_ctx) : undefined
  } catch {
    return undefined
  }
}

type Loose<T> = { [K in keyof T]: T[K] | undefined }

/** Leaves out what is undefined, so that an absent field is absent. */
function compact(model: Loose<DiscoveredModel> & Pick<DiscoveredModel, 'name' | 'raw'>): DiscoveredModel {
  const entries = Object.entries(model).filter(([, value]) => value !== undefined)
  return { ...(Object.fromEntries(entries) as Partial<DiscoveredModel>), name: model.name, raw: model.raw }
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value : undefined
}

function texts(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : undefined
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined
}

function loadedState(value: unknown): 'loaded' | 'not-loaded' | undefined {
  return value === 'loaded' || value === 'not-loaded' ? value : undefined
}
