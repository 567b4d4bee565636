import { createHash } from 'node:crypto'
import type { FamilyTable } from '../../routing/models/family-table.ts'
import { canChat, type ModelSource, type UnifiedModel } from '../../routing/models/unified-model.ts'
import type { Json, ModelLists } from '../contract/dialect.ts'

/**
 * Answer of `/api/version` without an Ollama endpoint: the minimum of Codex (`--oss` requires 0.13.4, openai/codex#8227),
 * which is above that of editors (VS Code 0.6.4, `MINIMUM_OLLAMA_VERSION` of its provider).
 */
export const presentedOllamaVersion = '0.13.4'

/** Ollama's default context length. Its CLI before 0.6 panics without one. */
const defaultContext = 4096
/** Ollama keeps a model loaded for five minutes after its last request. */
const keepMs = 300_000
/** Ollama's expiry of models that stay loaded; its CLI displays it as "Forever". */
const forever = '2318-01-01T00:00:00Z'

/** An entry of Ollama's `/api/tags`. */
export function ollamaItem(model: UnifiedModel, families: FamilyTable): Json {
  return {
    name: model.id,
    model: model.id,
    modified_at: modifiedAt(model),
    size: sizeOf(model),
    digest: digestOf(model),
    details: details(model, families),
    ...(hasUnreportedAbilities(model) ? {} : { capabilities: capabilityNames(model) }),
  }
}

/** Ollama before 0.14 reports abilities only in `/api/show`; a list of them here would be incomplete. */
function hasUnreportedAbilities({ sources }: UnifiedModel): boolean {
  return sources.every(
    ({ endpoint, listed }) => listed.abilities === undefined && endpoint.profile?.listFormat === 'ollama',
  )
}

/** Ollama's `/api/ps`: the models that any endpoint has in memory. */
export function runningModels(models: readonly UnifiedModel[], families: FamilyTable, nowMs: number): Json {
  const running = models.flatMap((model) => {
    const loaded = model.sources.filter(({ state }) => state === 'loaded')
    return loaded.length === 0 ? [] : [runningItem(model, loaded, families, nowMs)]
  })
  return { models: running }
}

function runningItem(
  model: UnifiedModel,
  loaded: readonly ModelSource[],
  families: FamilyTable,
  nowMs: number,
): Json {
  const memory = loaded.find(({ listed }) => listed.memory !== undefined)?.listed.memory
  const size = memory?.sizeBytes ?? sizeOf(model)
  const context = memory?.contextLength ?? model.contextInForce ?? model.contextLength
  return {
    name: model.id,
    model: model.id,
    size,
    digest: digestOf(model),
    details: details(model, families),
    expires_at: expiryOf(loaded, nowMs),
    size_vram: memory === undefined ? size : (memory.vramBytes ?? 0),
    ...(context === undefined ? {} : { context_length: context }),
  }
}

/** Ollama's `/api/show`, from what the gateway knows, for models of endpoints without that route. */
export function ollamaShow(model: UnifiedModel, families: FamilyTable): Json {
  const reportedFamily = model.sources.find(({ listed: { family } }) => family !== undefined)?.listed.family
  const architecture = reportedFamily ?? (model.family || 'unknown')
  return {
    modelfile: `# ${model.id.replace(/\s/g, ' ')}: served by endpoints that have no Modelfile\n`,
    parameters: '',
    template: '',
    details: details(model, families),
    model_info: {
      'general.architecture': architecture,
      'general.basename': model.name,
      'general.parameter_count': model.parameterCount,
      [`${architecture}.context_length`]: model.contextInForce ?? model.contextLength ?? defaultContext,
      [`${architecture}.embedding_length`]: model.embeddingLength ?? 0,
    },
    capabilities: capabilityNames(model),
    modified_at: modifiedAt(model),
  }
}

/** Abilities under Ollama's names. */
export function capabilityNames(model: UnifiedModel): string[] {
  const { abilities, capabilities, type, sources } = model
  const known = (...words: string[]) => words.some((word) => capabilities.includes(word))
  const chats = canChat(model)
  const servesTools = sources.some(({ endpoint }) => endpoint.profile?.servesTools === true)
  const has = {
    completion: chats,
    embedding: abilities.embedding ?? type === 'embeddings',
    vision: abilities.vision ?? type === 'vlm',
    audio: abilities.audio ?? false,
    tools: chats && (abilities.tools ?? (servesTools || known('tools', 'tool_use', 'function_calling'))),
    thinking: chats && (abilities.thinking ?? known('thinking', 'reasoning')),
    insert: abilities.insert ?? false,
  }
  return Object.entries(has).flatMap(([word, isAble]) => (isAble ? [word] : []))
}

/**
 * The endpoint's own digest, else one computed from the name. Clients print its first 12 characters, and some treat
 * models with equal digests as one.
 */
export function digestOf({ digest, id }: UnifiedModel): string {
  if (digest !== undefined && digest.length >= 12) return digest
  return createHash('sha256').update(id).digest('hex')
}

function details(model: UnifiedModel, table: FamilyTable): Json {
  const reports = model.sources.map((source) => source.listed)
  const family = reports.find((each) => each.family !== undefined)?.family ?? model.family
  const families = model.families.length > 0 ? model.families : family === '' ? [] : [family]
  const spelling = reports.find((each) => each.quantization !== undefined)?.quantization
  return {
    parent_model: '',
    format: model.format,
    family,
    families,
    parameter_size: model.parameterSize.toUpperCase(),
    quantization_level: spelling ?? table.spelledQuantization(model.quantization),
    ...(model.contextLength === undefined ? {} : { context_length: model.contextLength }),
    ...(model.embeddingLength === undefined ? {} : { embedding_length: model.embeddingLength }),
  }
}

/** A whole number of bytes, because Ollama's clients read an integer. */
function sizeOf({ sizeBytes }: UnifiedModel): number {
  return Math.round(sizeBytes ?? 0)
}

function modifiedAt(model: UnifiedModel): string {
  const reported = model.sources.map(({ listed }) => listed.raw.modified_at).find(isTime)
  return reported ?? new Date(model.lastSeenMs).toISOString()
}

/** Never in the past, which the CLI shows as a model about to be unloaded. */
function expiryOf(loaded: readonly ModelSource[], nowMs: number): string {
  const reported = loaded
    .map(({ listed }) => listed.memory?.expiresAt)
    .find((time) => isTime(time) && Date.parse(time) > nowMs)
  if (reported !== undefined) return reported
  const stays = loaded.every(({ endpoint }) => endpoint.profile?.loadedModelsPath === undefined)
  if (stays) return forever
  // Rounded to whole minutes, so that the ETag of the list stays the same for a while.
  return new Date(Math.ceil((nowMs + keepMs) / 60_000) * 60_000).toISOString()
}

/** RFC 3339, which Go's clients require. */
function isTime(value: unknown): value is string {
  if (typeof value !== 'string') return false
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/.test(value)
}

export const ollamaLists: ModelLists = {
  list: (models, families) => ({ models: models.map((model) => ollamaItem(model, families)) }),
  entry: ollamaItem,
}
