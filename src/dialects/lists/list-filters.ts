import type { BackendProfile } from '../../endpoints/profiles/profile.ts'
import { abilityOf } from '../../endpoints/profiles/reported-abilities.ts'
import { GatewayError } from '../../kernel/errors.ts'
import { type ModelSource, type UnifiedModel, withSources } from '../../routing/models/unified-model.ts'

/** Query of `/olla/models` (contract 1.5). */
export interface ModelQuery {
  readonly endpoint?: string | undefined
  readonly family?: string | undefined
  readonly type?: string | undefined
  readonly capability?: string | undefined
  readonly available?: string | undefined
  readonly include_unavailable?: string | undefined
}

/** Capabilities that older clients filter by, and the model type that each means. */
const typeOfCapability: Readonly<Record<string, UnifiedModel['type']>> = {
  vision: 'vlm',
  multimodal: 'vlm',
  embedding: 'embeddings',
  embeddings: 'embeddings',
  vector_search: 'embeddings',
  chat: 'llm',
  text_generation: 'llm',
  completion: 'llm',
}

/**
 * The models that match a query, each with its matching sources.
 * @param isRoutable whether the selector may choose an endpoint
 * @throws GatewayError invalid_request
 */
export function filterModels(
  models: readonly UnifiedModel[],
  query: ModelQuery,
  isRoutable: (slot: number) => boolean,
): UnifiedModel[] {
  const { available } = query
  if (available !== undefined && available !== 'true' && available !== 'false') {
    throw new GatewayError(
      'invalid_request',
      "invalid value for 'available' parameter. Use 'true' or 'false'",
    )
  }
  const counts = (source: ModelSource): boolean => {
    if (query.endpoint !== undefined && source.endpoint.name !== query.endpoint) return false
    return query.include_unavailable === 'true' || isRoutable(source.endpoint.slot)
  }
  const result: UnifiedModel[] = []
  for (const model of models) {
    if (query.family !== undefined && model.family !== query.family) continue
    if (query.type !== undefined && model.type !== query.type) continue
    if (query.capability !== undefined && !hasCapability(model, query.capability)) continue
    const sources = model.sources.filter(counts)
    if (sources.length === 0) continue
    const isAvailable = sources.some(
      ({ endpoint, state }) => isRoutable(endpoint.slot) && state !== 'not-loaded',
    )
    if (available !== undefined && (available === 'true') !== isAvailable) continue
    result.push(withSources(model, sources))
  }
  return result
}

function hasCapability(model: UnifiedModel, capability: string): boolean {
  const ability = abilityOf(capability)
  const reported = ability === undefined ? undefined : model.abilities[ability]
  if (reported !== undefined) return reported
  return typeOfCapability[capability] === model.type || model.capabilities.includes(capability)
}

/** The models of the endpoints with one backend type, with those sources. */
export function ofProvider(models: readonly UnifiedModel[], profile: BackendProfile): UnifiedModel[] {
  const isOf = ({ endpoint }: ModelSource): boolean =>
    profile.name === 'openai-compatible'
      ? (endpoint.profile?.openaiCompatible ?? true)
      : endpoint.profile?.name === profile.name
  return models.flatMap((model) => {
    const sources = model.sources.filter(isOf)
    return sources.length === 0 ? [] : [withSources(model, sources)]
  })
}
