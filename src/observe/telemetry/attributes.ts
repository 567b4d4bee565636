import type { Attributes } from '@opentelemetry/api'
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

export function arrivalAttributes(request: HookedRequest, arrival: RequestArrival): Attributes {
  return present({
    'http.request.method': arrival.method,
    'url.path': arrival.path,
    'http.route': arrival.route,
    'user_agent.original': arrival.userAgent,
    'client.address': request.clientAddress,
    'gen_ai.operation.name': arrival.operation,
    'olla.request_id': request.id,
  })
}

/** Attributes of a finished request. */
export function requestAttributes(request: HookedRequest): Attributes {
  return present({
    'http.response.status_code': request.status,
    'error.type': errorType(request),
    'gen_ai.request.model': request.model,
    'gen_ai.usage.input_tokens': request.promptTokens,
    'gen_ai.usage.output_tokens': request.completionTokens,
    'gen_ai.usage.cache_read.input_tokens': request.answer?.cachedTokens,
    'gen_ai.response.time_to_first_chunk': seconds(request.answer?.firstTokenMs),
    'olla.outcome': request.outcome,
    'olla.endpoint': request.endpoint,
    'olla.attempts': request.attemptCount > 0 ? request.attemptCount : undefined,
    'olla.caller': request.caller,
    'olla.routing.strategy': request.routingStrategy,
    'olla.routing.decision': request.routingDecision,
    'olla.routing.reason': request.routingReason,
  })
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

export function attemptAttributes(
  request: HookedRequest,
  attempt: HookedAttempt,
  operation: GenAiOperation | undefined,
): Attributes {
  const attributes = endpointAttributes(request, attempt, operation)
  attributes['olla.attempt'] = attempt.number
  return attributes
}

/** Attributes of all attempts on an endpoint, which metrics have too. */
export function endpointAttributes(
  request: HookedRequest,
  { endpoint, type, url, sentModel }: HookedAttempt,
  operation: GenAiOperation | undefined,
): Attributes {
  const { address, port } = serverOf(url)
  return present({
    'gen_ai.operation.name': operation,
    'gen_ai.provider.name': type,
    'gen_ai.request.model': sentModel ?? request.model,
    'server.address': address,
    'server.port': port,
    'olla.endpoint': endpoint,
  })
}

/** Attributes of a finished attempt; usage belongs to the attempt that answered. */
export function endAttributes(request: HookedRequest, { kind, statusCode, reason }: AttemptEnd): Attributes {
  const isAnswer = kind === 'answered'
  return present({
    'http.response.status_code': statusCode,
    'error.type': attemptError({ kind, statusCode, reason }),
    'gen_ai.usage.input_tokens': isAnswer ? request.promptTokens : undefined,
    'gen_ai.usage.output_tokens': isAnswer ? request.completionTokens : undefined,
    'gen_ai.usage.cache_read.input_tokens': isAnswer ? request.answer?.cachedTokens : undefined,
    'olla.attempt.result': kind,
    'olla.attempt.reason': reason,
  })
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

export function present(attributes: Readonly<Record<string, string | number | undefined>>): Attributes {
  const kept: Attributes = {}
  for (const name in attributes) if (attributes[name] !== undefined) kept[name] = attributes[name]
  return kept
}
