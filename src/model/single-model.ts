import { formatBytes } from '../stats/format.ts'
import type { UnifiedModel } from './directory.ts'
import type { FamilyTable } from './family-table.ts'

type Json = Readonly<Record<string, unknown>>

/** `/olla/models/{id}` (contract 1.5). */
export function modelDetail(model: UnifiedModel, isRoutable: (slot: number) => boolean): Json {
  const names = (want: boolean) =>
    model.sources
      .filter(({ endpoint }) => isRoutable(endpoint.slot) === want)
      .map(({ endpoint }) => endpoint.name)
  const healthy = names(true)
  const unhealthy = names(false)
  const status = healthy.length === 0 ? 'unavailable' : unhealthy.length === 0 ? 'available' : 'partial'
  return {
    id: model.id,
    family: model.family,
    variant: model.variant,
    parameter_size: model.parameterSize,
    quantization: model.quantization,
    format: model.format,
    total_disk_size: formatBytes(model.sources.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0)),
    last_seen: new Date(model.lastSeenMs).toISOString(),
    aliases: model.aliases,
    endpoints: model.sources.map(({ endpoint }) => endpoint.name),
    loaded_endpoints: model.sources
      .filter(({ state }) => state === 'loaded')
      .map(({ endpoint }) => endpoint.name),
    capabilities: model.capabilities,
    parameter_count: model.parameterCount,
    ...(model.contextLength === undefined ? {} : { max_context_length: model.contextLength }),
    availability: {
      status,
      healthy_endpoints: healthy,
      unhealthy_endpoints: unhealthy,
      total_endpoints: model.sources.length,
      healthy_count: healthy.length,
    },
  }
}

/** `/api/ps` of Ollama: what is in memory somewhere. */
export function runningModels(models: readonly UnifiedModel[], families: FamilyTable): Json {
  const loaded = models.filter(({ sources }) => sources.some(({ state }) => state === 'loaded'))
  return {
    models: loaded.map((model) => ({
      name: model.id,
      model: model.id,
      size: model.sources.find(({ sizeBytes }) => sizeBytes !== undefined)?.sizeBytes ?? 0,
      digest: model.digest ?? '',
      details: details(model, families),
      expires_at: '0001-01-01T00:00:00Z',
      size_vram: 0,
    })),
  }
}

/** `/api/show` of Ollama, from what is known here. */
export function ollamaShow(model: UnifiedModel, families: FamilyTable): Json {
  const family = model.family || 'unknown'
  return {
    details: details(model, families),
    model_info: {
      'general.architecture': family,
      'general.parameter_count': model.parameterCount,
      ...(model.contextLength === undefined ? {} : { [`${family}.context_length`]: model.contextLength }),
    },
    capabilities: [
      model.type === 'embeddings' ? 'embedding' : 'completion',
      ...(model.type === 'vlm' ? ['vision'] : []),
      ...model.capabilities.filter((capability) => capability === 'tools' || capability === 'thinking'),
    ],
    modified_at: new Date(model.lastSeenMs).toISOString(),
  }
}

function details(model: UnifiedModel, families: FamilyTable): Json {
  return {
    parent_model: '',
    format: model.format,
    family: model.family,
    families: model.family === '' ? [] : [model.family],
    parameter_size: model.parameterSize.toUpperCase(),
    quantization_level: families.spelledQuantization(model.quantization),
  }
}
