import type { Attributes, Span } from '@opentelemetry/api'
import type { GenAiOperation } from '../../dialects/contract/answer-form.ts'
import { Remembered } from '../../kernel/remembered.ts'
import type { AttemptEnd, HookedAttempt, HookedRequest } from '../../proxy/request/hooks.ts'

/** Names and values follow the OpenTelemetry semantic conventions (GenAI, HTTP, server); ours start with `olla.`. */

/** Facts known when a request arrives. */
export interface RequestArrival {
  readonly method: string
  /** Without the query. */
  readonly path: string
  /** Pattern of the route. */
  readonly route: string | undefined
  readonly userAgent: string | undefined
  readonly operation: GenAiOperation | undefined
}

/** Receives attributes one by one: an SDK copies objects of them twice. */
export type AttributeSink = Pick<Span, 'setAttribute'>

function set(span: AttributeSink, name: string, value: string | number | undefined): void {
  if (value !== undefined) span.setAttribute(name, value)
}

/** Attributes that samplers may use, which a span must have from its start (HTTP semantic conventions). */
export function arrivalAttributes(
  { clientAddress }: HookedRequest,
  { method, path, userAgent }: RequestArrival,
): Attributes {
  const attributes: Attributes = {
    'http.request.method': method,
    'url.path': path,
    'client.address': clientAddress,
  }
  if (userAgent !== undefined) attributes['user_agent.original'] = userAgent
  return attributes
}

/** Sets the other attributes of a request when it is over. */
export function describeRequest(
  span: AttributeSink,
  request: HookedRequest,
  { route, operation }: Pick<RequestArrival, 'route' | 'operation'>,
): void {
  set(span, 'http.route', route)
  set(span, 'gen_ai.operation.name', operation)
  set(span, 'olla.request_id', request.id)
  set(span, 'http.response.status_code', request.status)
  set(span, 'error.type', errorType(request))
  set(span, 'gen_ai.request.model', request.model)
  set(span, 'gen_ai.usage.input_tokens', request.promptTokens)
  set(span, 'gen_ai.usage.output_tokens', request.completionTokens)
  set(span, 'gen_ai.usage.cache_read.input_tokens', request.answer?.cachedTokens)
  set(span, 'gen_ai.response.time_to_first_chunk', seconds(request.answer?.firstTokenMs))
  set(span, 'olla.outcome', request.outcome)
  set(span, 'olla.endpoint', request.endpoint)
  if (request.attemptCount > 0) set(span, 'olla.attempts', request.attemptCount)
  if (request.hedge !== undefined) set(span, 'olla.hedge', request.hedge.result)
  set(span, 'olla.caller', request.caller)
  set(span, 'olla.routing.strategy', request.routingStrategy)
  set(span, 'olla.routing.decision', request.routingDecision)
  set(span, 'olla.routing.reason', request.routingReason)
}

const servers = new Remembered<{ readonly address: string; readonly port: number }>()

function serverOf(url: string): { readonly address: string; readonly port: number } {
  let server = servers.get(url)
  if (server === undefined) {
    const { hostname, port, protocol } = new URL(url)
    const defaultPort = protocol === 'https:' ? 443 : 80
    server = { address: hostname, port: port === '' ? defaultPort : Number(port) }
    servers.set(url, server)
  }
  return server
}

/** What distinguishes the values of a metric besides the endpoint. */
interface Distinction {
  readonly error?: string | undefined
  readonly tokenType?: 'input' | 'output'
}

/**
 * Attributes of all attempts on an endpoint, for metrics and for the start of spans. In alphabetical order, because an SDK
 * sorts those of each recorded value.
 */
export function endpointAttributes(
  request: HookedRequest,
  { endpoint, type, url, sentModel }: HookedAttempt,
  operation: GenAiOperation | undefined,
  { error, tokenType }: Distinction = {},
): Attributes {
  const { address, port } = serverOf(url)
  const model = sentModel ?? request.model
  const attributes: Attributes = {}
  if (error !== undefined) attributes['error.type'] = error
  if (operation !== undefined) attributes['gen_ai.operation.name'] = operation
  attributes['gen_ai.provider.name'] = type
  if (model !== undefined) attributes['gen_ai.request.model'] = model
  if (tokenType !== undefined) attributes['gen_ai.token.type'] = tokenType
  attributes['olla.endpoint'] = endpoint
  attributes['server.address'] = address
  attributes['server.port'] = port
  return attributes
}

/** Sets the other attributes of an attempt when it is over; usage belongs to the attempt that answered. */
export function describeAttempt(
  span: AttributeSink,
  request: HookedRequest,
  { number }: Pick<HookedAttempt, 'number'>,
  { kind, statusCode, reason }: AttemptEnd,
): void {
  set(span, 'olla.attempt', number)
  set(span, 'http.response.status_code', statusCode)
  set(span, 'error.type', attemptError({ kind, statusCode, reason }))
  if (kind === 'answered') {
    set(span, 'gen_ai.usage.input_tokens', request.promptTokens)
    set(span, 'gen_ai.usage.output_tokens', request.completionTokens)
    set(span, 'gen_ai.usage.cache_read.input_tokens', request.answer?.cachedTokens)
  }
  set(span, 'olla.attempt.result', kind)
  set(span, 'olla.attempt.reason', reason)
}

/** Error type of a request: our code, else the status; undefined if it succeeded. */
export function errorType({ error, status, outcome }: HookedRequest): string | undefined {
  if (outcome === 'success') return undefined
  if (error !== undefined) return error
  if (outcome === 'client_closed') return 'client_closed'
  return status !== undefined && status >= 400 ? String(status) : outcome
}

/** The same for an attempt. */
export function attemptError({
  kind,
  statusCode,
}: Pick<AttemptEnd, 'kind' | 'statusCode' | 'reason'>): string | undefined {
  if (statusCode !== undefined && statusCode >= 400) return String(statusCode)
  return kind === 'answered' ? undefined : kind
}

export function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000
}
