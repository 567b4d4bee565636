import { canonicalPath } from '../../kernel/canonical-path.ts'
import { Remembered } from '../../kernel/remembered.ts'
import { dialects } from '../all.ts'
import { isInference, isModelList, isStatus } from './inference-routes.ts'
import { type Management, managementOf, managementWords } from './management-routes.ts'
import { segmentsOf } from './route-pattern.ts'

/** What a path asks an endpoint for, wherever the gateway serves it. */
export interface Operation {
  /** As the most lenient of servers may read it. */
  readonly path: string
  readonly management: Management
  /** Words of a dialect with which its management is refused. */
  readonly managementWords: string | undefined
  readonly isInference: boolean
  readonly isModelList: boolean
  readonly isStatus: boolean
  /** The API has this path for POST alone. */
  readonly isPostOnly: boolean
  /** `name` stands for `model` here. */
  readonly takesName: boolean
}

const known = new Remembered<Operation>()

/** @param path as the endpoint is asked for it, percent-encoded, without its query */
export function operationOf(path: string): Operation {
  const found = known.get(path)
  if (found !== undefined) return found
  const operation = describe(path)
  known.set(path, operation)
  return operation
}

/** Whether a request changes an endpoint, or reads what is its owner's alone. */
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
 * Whether a request may carry the endpoint's credentials: it asks for inference or for models.
 * @param paths that the endpoint's profile lists
 */
export function earnsCredentials(
  method: string,
  operation: Operation,
  paths: readonly string[] | undefined,
): boolean {
  if (managesEndpoint(method, operation)) return false
  if (operation.isInference || (operation.isModelList && isRead(method))) return true
  return !operation.isStatus && paths?.includes(operation.path) === true
}

/** Of the APIs that are served at every endpoint; a server may give other paths more methods. */
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
  const isAsked = isInference(segments)
  return {
    path: canonical,
    management: managementOf(segments, isAsked),
    managementWords: managementWords(segments),
    isInference: isAsked,
    isModelList: isModelList(segments),
    isStatus: isStatus(segments),
    isPostOnly: postOnly.test(canonical),
    takesName: dialects.some(({ paths }) => paths.takesName?.test(canonical) === true),
  }
}
