import type { Readable } from 'node:stream'
import type { SectionOptions } from '../../config/options/sections.ts'
import { managementRefusal } from '../../dialects/requests/management-refusal.ts'
import type { RequestVariant } from '../../dialects/variants/request-variant.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import { upstreamPath } from '../../endpoints/registry/upstream-path.ts'
import type { CircuitBreakers } from '../../endpoints/resilience/circuit-breakers.ts'
import { isStream } from '../../http/client/contract.ts'
import { GatewayError } from '../../kernel/errors.ts'
import { bytesBeside, bytesOf } from '../../kernel/memory/body-bytes.ts'
import type { BufferBudget } from '../../kernel/memory/buffer-budget.ts'
import { minFreedBytes } from '../../kernel/memory/give-back.ts'
import { holdSent } from '../../kernel/memory/request-memory.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import type { Transport, UpstreamRequest } from '../contract/transport.ts'
import { namesModel, renamedBody, renamedQuery } from '../request/renamed-request.ts'
import { attemptHeaders, ownHeaders } from '../request/request-headers.ts'
import type { Attempt, Redirected } from './attempt.ts'
import type { AttemptLedger } from './attempt-ledger.ts'

/** Services that building an attempt's request uses. */
export interface AttemptRequestServices {
  readonly options: Pick<SectionOptions<'model_registry'>, 'rewriteResponseModel'>
  /** Accounts for memory held in addition to bodies; undefined counts nothing. */
  readonly budget?: BufferBudget | undefined
}

/** Services that sending an attempt uses. */
export interface SendServices extends AttemptRequestServices {
  readonly transport: Transport
  readonly breakers: Pick<CircuitBreakers, 'release'>
}

/**
 * Sends the request of an attempt, in the form that its endpoint accepts.
 * @returns the error to answer with if the client's request cannot be sent to this endpoint
 */
export function sendAttempt(
  services: SendServices,
  ledger: Pick<AttemptLedger, 'hooked'>,
  request: ExchangeRequest,
  attempt: Attempt,
): GatewayError | undefined {
  const made = attemptRequest(request, attempt, services)
  if (made instanceof GatewayError) {
    services.breakers.release(attempt.target, attempt.permit)
    return made
  }
  attempt.sentHeaders = made.headers
  try {
    services.transport.send(attempt, ledger.hooked(attempt, made))
  } catch (error) {
    attempt.onError(error)
  }
  return undefined
}

/**
 * The request of an attempt, in the form that its endpoint accepts.
 * @returns the error to answer with if the client's request cannot be sent to this endpoint
 */
export function attemptRequest(
  request: ExchangeRequest,
  attempt: Attempt,
  { options, budget }: AttemptRequestServices,
): UpstreamRequest | GatewayError {
  try {
    attempt.variant ??= request.variant?.(attempt.target)
    const made = requestFor(request, attempt, options.rewriteResponseModel)
    if (made === undefined) return new GatewayError('invalid_path')
    const { body } = made
    if (body === null || body === request.body || isStream(body)) return made
    if (Buffer.isBuffer(body) && body.length >= minFreedBytes) attempt.ownBody = body
    const ownBytes = Buffer.isBuffer(request.body) ? bytesBeside(body, request.body) : bytesOf(body)
    return holdSent(request.context, budget, ownBytes, attempt.isHedge) ?? made
  } catch (error) {
    return error instanceof GatewayError ? error : new GatewayError('internal', undefined, { cause: error })
  }
}

/**
 * The request for one endpoint: with the endpoint's name for the model and the endpoint's credentials.
 * @param rewriteResponseModel whether the answer will be scanned for the model's name, so it must not be compressed
 * @returns undefined if the path is not safe
 */
function requestFor(
  request: ExchangeRequest,
  { target, variant, redirected }: Attempt,
  rewriteResponseModel: boolean,
): UpstreamRequest | undefined {
  const { endpoint, sentModel } = target
  if (variant !== undefined) return variantFor(request, endpoint, variant, redirected)
  const isRenamed = sentModel !== undefined && namesModel(request)
  const query = redirected?.query ?? (isRenamed ? renamedQuery(request, sentModel) : request.query)
  const { method } = request
  const requestPath = redirected?.path ?? request.path
  const path = pathAt(endpoint, method, requestPath, query)
  if (path === undefined) return undefined
  const own = ownHeaders(endpoint, method, requestPath)
  const form = { isPlain: isRenamed && rewriteResponseModel }
  const headers = attemptHeaders(request.headers, endpoint, own, form)
  const content = isRenamed ? renamedBody(request, sentModel) : request.body
  if (content === null || Buffer.isBuffer(content)) return { method, path, headers, body: content }
  const body: Buffer | Readable = content.open()
  if (Buffer.isBuffer(body)) return { method, path, headers, body }
  const withLength = [...headers, 'Content-Length', String(content.bytes)]
  return { method, path, headers: withLength, body, reopen: () => content.open() }
}

function variantFor(
  request: ExchangeRequest,
  endpoint: Endpoint,
  variant: RequestVariant,
  redirected: Redirected | undefined,
): UpstreamRequest | undefined {
  const method = variant.method ?? request.method
  const { path: requestPath, query } = redirected ?? variant
  const path = pathAt(endpoint, method, requestPath, query)
  if (path === undefined) return undefined
  const form = { isPlain: variant.answer !== undefined, replaced: variant.headers }
  const headers = attemptHeaders(request.headers, endpoint, ownHeaders(endpoint, method, requestPath), form)
  return { method, path, headers, body: variant.body }
}

/**
 * Path and query at the endpoint.
 * @returns undefined if the path is not safe
 * @throws GatewayError not_supported if the endpoint's base path makes it a management path
 */
function pathAt(endpoint: Endpoint, method: string, path: string, query: string): string | undefined {
  const target = upstreamPath(endpoint, path, query)
  if (target === undefined || !endpoint.preservePath || endpoint.basePath === '') return target
  const refusal = endpoint.allowsManagement ? undefined : managementRefusal(method, endpoint.basePath + path)
  if (refusal !== undefined) throw refusal
  return target
}
