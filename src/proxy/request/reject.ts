import type { GatewayError } from '../../kernel/errors.ts'
import type { RequestContext } from '../contract/context.ts'
import { outcomeOfStatus } from '../contract/outcome.ts'
import { type ConcludeServices, concludeRequest } from './conclude.ts'

/**
 * Counts a request that was refused before it reached an endpoint.
 * @returns the error, to be thrown
 */
export function reject(
  services: ConcludeServices,
  context: RequestContext,
  error: GatewayError,
): GatewayError {
  context.status = error.statusCode
  context.error = error.code
  concludeRequest(services, context, outcomeOfStatus(error.statusCode), undefined)
  return error
}
