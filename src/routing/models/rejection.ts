import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import { GatewayError } from '../../kernel/errors.ts'
import { unreadMedium } from './media-routing.ts'
import type { RoutingOutcome } from './routing.ts'
import { pathNotServed } from './tiers.ts'

export interface RejectionFacts {
  readonly model: string | undefined
  /** Backend type of the provider route; undefined on routes for all endpoints. */
  readonly provider: string | undefined
  readonly path: string
  /** Whether an endpoint of another backend type has the model. */
  readonly isElsewhere: boolean
  /** Value of `Retry-After` if a retry may succeed. */
  readonly retryAfterSeconds: number
  /** An endpoint's error message for the path that it lacks. */
  readonly errorMessageOf: (endpoint: Endpoint) => string | undefined
}

/** The error for a request that no endpoint can serve; with `Retry-After` if the cause is temporary. */
export function rejectionError(
  { reason, status, lackPath = [] }: Pick<RoutingOutcome, 'reason' | 'status' | 'lackPath'>,
  facts: RejectionFacts,
): GatewayError {
  const { model, provider, retryAfterSeconds } = facts
  const named = model === undefined ? '' : ` "${model}"`
  const kind = provider === undefined ? '' : `${provider} `
  const later = { retryAfterSeconds }
  const medium = unreadMedium({ reason })
  if (medium !== undefined) {
    const message = `The model${named} reads no ${medium}: each endpoint that has it says so.`
    return new GatewayError('invalid_request', message)
  }
  if (reason === pathNotServed) return pathError(lackPath, facts)
  if (reason === 'no_healthy_endpoints') {
    if (status === 404) return new GatewayError('no_endpoints', `No ${kind}endpoints available`)
    const message = provider === undefined ? undefined : `no healthy ${kind}endpoints available`
    return new GatewayError('no_healthy_endpoints', message, later)
  }
  if (reason === 'model_lists_incomplete') {
    const message = `${reason}: no ${kind}endpoint is known to have the model${named}, and not all have listed their models yet.`
    return new GatewayError('model_unavailable', message, later)
  }
  if (status === 404) {
    const elsewhere = facts.isElsewhere ? '; endpoints of another type have it' : ''
    return new GatewayError(
      'model_not_found',
      `${reason}: no ${kind}endpoint has the model${named}${elsewhere}.`,
      { model: facts.isElsewhere ? undefined : model },
    )
  }
  return unavailableError(reason, model, retryAfterSeconds)
}

export function unavailableError(
  reason: string,
  model: string | undefined,
  retryAfterSeconds: number,
): GatewayError {
  const named = model === undefined ? '' : ` "${model}"`
  const message = `${reason}: no endpoint that has the model${named} is available now.`
  return new GatewayError('model_unavailable', message, { retryAfterSeconds })
}

/** Maximum endpoints that an error names. */
const maxNamed = 5

/** The error for a path that every otherwise suitable endpoint lacks. */
export function pathError(
  endpoints: readonly Endpoint[],
  { model, path, errorMessageOf }: Pick<RejectionFacts, 'model' | 'path' | 'errorMessageOf'>,
): GatewayError {
  const tried = endpoints.slice(0, maxNamed).map((endpoint) => {
    const message = errorMessageOf(endpoint)
    const kind = endpoint.profile?.displayName ?? endpoint.type
    return `${endpoint.name} (${kind}${message === undefined ? '' : `: ${message}`})`
  })
  if (endpoints.length > maxNamed) tried.push(`${endpoints.length - maxNamed} more`)
  const whose = model === undefined ? 'No endpoint' : `No endpoint that has the model "${model}"`
  return new GatewayError('path_not_served', `${whose} serves ${path}. Tried: ${tried.join(', ')}.`)
}
