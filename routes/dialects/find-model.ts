import type { FastifyInstance, FastifyRequest } from 'fastify'
import { filterModels, type ModelQuery } from '../../src/dialects/lists/list-filters.ts'
import { countSegments, targetPath } from '../../src/http/request/target-path.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { allowedModel, allowedModels } from '../../src/routing/models/access.ts'
import type { UnifiedModel } from '../../src/routing/models/unified-model.ts'

/**
 * The model whose ID is the rest of the path: it may contain slashes, escaped or not, and colons.
 * @param segments number of segments of the route before the ID
 * @throws GatewayError model_not_found
 */
export function findModel(app: FastifyInstance, request: FastifyRequest, segments: number): UnifiedModel {
  const { path } = targetPath(request.raw.url ?? '/', countSegments(app.prefix) + segments)
  const id = decode(path.slice(1))
  if (id === '') throw new GatewayError('invalid_request', 'Model ID or alias required')
  const model = usableModel(app, request, id)
  if (model === undefined) throw new GatewayError('model_not_found', 'Model not found')
  return model
}

/** Finds a model that the request's caller may use by this name. */
export function usableModel(
  app: FastifyInstance,
  { gateway }: FastifyRequest,
  name: string,
): UnifiedModel | undefined {
  const access = gateway.identity?.access
  const model = access?.allowsModel(name) === false ? undefined : app.modelDirectory.find(name)
  return model === undefined ? undefined : allowedModel(model, access)
}

/** The models that match a query, as far as the request's caller may use them. */
export function listedModels(
  app: FastifyInstance,
  { gateway }: FastifyRequest,
  query: ModelQuery,
): UnifiedModel[] {
  return filterModels(allowedModels(app.modelDirectory.models(), gateway.identity?.access), query, (slot) =>
    app.endpointRegistry.mayAnswer(slot),
  )
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
