import type { FastifyInstance, FastifyRequest } from 'fastify'
import { countSegments, targetPath } from '../../src/http/request/target-path.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
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
  const model = app.modelDirectory.find(id)
  if (model === undefined) throw new GatewayError('model_not_found', 'Model not found')
  return model
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
