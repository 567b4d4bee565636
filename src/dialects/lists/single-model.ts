import { formatBytes } from '../../kernel/format.ts'
import type { UnifiedModel } from '../../routing/models/unified-model.ts'

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
    total_disk_size: formatBytes(model.sources.reduce((sum, { listed }) => sum + (listed.sizeBytes ?? 0), 0)),
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
