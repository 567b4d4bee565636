import { GatewayError } from '../../kernel/errors.ts'
import { managesEndpoint, operationOf } from './operation.ts'

/**
 * The error for a request that manages an endpoint while `proxy.management` is off.
 * @param path as the gateway would send it to the endpoint, percent-encoded
 * @returns undefined if the gateway may forward the request
 */
export function managementRefusal(method: string, path: string): GatewayError | undefined {
  const operation = operationOf(path)
  if (operation.management === undefined || !managesEndpoint(method, operation)) return undefined
  return new GatewayError(
    'not_supported',
    operation.managementMessage ??
      `${method} ${operation.path} manages the endpoint; the gateway passes it on only with proxy.management.`,
  )
}
