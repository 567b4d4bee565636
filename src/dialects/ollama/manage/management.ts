import type { Readable } from 'node:stream'
import type { Endpoint } from '../../../endpoints/registry/endpoint.ts'
import { upstreamPath } from '../../../endpoints/registry/upstream-path.ts'
import type { ClientRequest } from '../../../http/client/contract.ts'
import { GatewayError } from '../../../kernel/errors.ts'
import { isObject, type JsonObject } from '../../../kernel/json/json-fields.ts'
import type { CallServices } from './endpoint-call.ts'
import type { ManagementOperation } from './operations.ts'
import type { EndpointOutcome } from './outcome.ts'

/** A client's request that manages models. */
export interface ManagementRequest {
  readonly operation: ManagementOperation
  readonly method: string
  /** Path as sent to the endpoints, and the query with its `?`, or ''. */
  readonly path: string
  readonly query: string
  readonly body: Buffer | null
  /** The body of a blob, which is not kept in memory. */
  readonly blob: Readable | undefined
  /** Flat name/value pairs for every endpoint. */
  readonly headers: readonly string[]
}

/** One request on its way to all its endpoints. */
export interface ManagementRun {
  readonly services: CallServices
  readonly endpoints: readonly Endpoint[]
  readonly request: ManagementRequest
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal
  /** Called as each endpoint is done. */
  onOutcome(outcome: EndpointOutcome): void
  /** Called once with the size of a blob, as far as it arrived. */
  onBlob(bytes: number): void
  /** Awaited before the client learns of a success. */
  succeeded(endpoints: readonly Endpoint[]): Promise<void>
}

export interface ManagementAnswer {
  readonly statusCode: number
  readonly contentType: string | undefined
  readonly body: Buffer | Readable | undefined
}

export const linesType = 'application/x-ndjson'

export function jsonAnswer(statusCode: number, value: JsonObject): ManagementAnswer {
  const body = Buffer.from(JSON.stringify(value))
  return { statusCode, contentType: 'application/json; charset=utf-8', body }
}

/** @throws GatewayError invalid_path */
export function requestTo(
  endpoint: Endpoint,
  { method, path, query, headers }: ManagementRequest,
  body: ClientRequest['body'],
): ClientRequest {
  const target = upstreamPath(endpoint, path, query)
  if (target === undefined) throw new GatewayError('invalid_path')
  return { method, path: target, headers: [...headers, ...endpoint.headers], body }
}

/** Parses a JSON body as Ollama does. @throws GatewayError invalid_json, invalid_request */
export function parseManagementBody(body: Buffer | null): JsonObject {
  if (body === null || body.length === 0) throw new GatewayError('invalid_request', 'missing request body')
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch {
    throw new GatewayError('invalid_json')
  }
  if (!isObject(value)) throw new GatewayError('invalid_json')
  return value
}

/** The message of an endpoint's error. */
export function errorText(statusCode: number, body: string): string {
  try {
    const value: unknown = JSON.parse(body)
    if (isObject(value) && typeof value.error === 'string' && value.error !== '') return value.error
  } catch {
    // Not JSON: a proxy in front of the endpoint answered.
  }
  return `HTTP ${statusCode}`
}
