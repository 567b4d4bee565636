import { canonicalPath } from '../../kernel/canonical-path.ts'
import { Remembered } from '../../kernel/remembered.ts'
import { dialects } from '../all.ts'
import { isInference, isModelList, isStatus } from './inference-routes.ts'
import { type Management, managementMessage, managementOf } from './management-routes.ts'
import { segmentsOf } from './route-pattern.ts'

/** The operation that a path requests from an endpoint, under whatever prefix the gateway serves it. */
export interface Operation {
  /** As the most lenient server may read it. */
  readonly path: string
  readonly management: Management
  /** The message with which a dialect refuses its management operations. */
  readonly managementMessage: string | undefined
  readonly isInference: boolean
  readonly isModelList: boolean
  readonly isStatus: boolean
  /** Whether the API accepts only POST on this path. */
  readonly isPostOnly: boolean
  /** Whether `name` is a synonym of `model` on this path. */
  readonly acceptsName: boolean
}

const known = new Remembered<Operation>()

/** @param path as sent to the endpoint, percent-encoded, without its query */
export function operationOf(path: string): Operation {
  const found = known.get(path)
  if (found !== undefined) return found
  const operation = describe(path)
  known.set(path, operation)
  return operation
}

/** Whether a request changes an endpoint or reads data that only its owner may see. */
export function managesEndpoint(method: string, { management }: Operation): boolean {
  switch (management) {
    case undefined:
      return false
    case 'any':
      return true
    case 'write':
      return !isRead(method)
    case 'remove':
      return !isRead(method) && method !== 'POST'
  }
}

/**
 * Whether a request may carry the endpoint's credentials: only inference and model lists do.
 * @param paths that the endpoint's profile lists
 */
export function mayCarryCredentials(
  method: string,
  operation: Operation,
  paths: readonly string[] | undefined,
): boolean {
  if (managesEndpoint(method, operation)) return false
  if (operation.isInference || (operation.isModelList && isRead(method))) return true
  return !operation.isStatus && paths?.includes(operation.path) === true
}

/** Paths of the APIs that every endpoint serves. Servers may accept more methods on other paths. */
const postOnly = new RegExp(
  [
    ...dialects.flatMap(({ paths }) => paths.postOnly),
    '/v\\d+/(?:rerank|score)',
    '^/(?:completion|embedding|rerank(?:ing)?|infill|tokenize|detokenize|apply-template)',
  ]
    .map((path) => `${path}$`)
    .join('|'),
)

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}

function describe(path: string): Operation {
  const canonical = canonicalPath(path)
  const segments = segmentsOf(canonical)
  const servesInference = isInference(segments)
  return {
    path: canonical,
    management: managementOf(segments, servesInference),
    managementMessage: managementMessage(segments),
    isInference: servesInference,
    isModelList: isModelList(segments),
    isStatus: isStatus(segments),
    isPostOnly: postOnly.test(canonical),
    acceptsName: dialects.some(({ paths }) => paths.acceptsName?.test(canonical) === true),
  }
}
