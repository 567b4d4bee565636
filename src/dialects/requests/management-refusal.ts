import { GatewayError } from '../../kernel/errors.ts'
import { managesEndpoint, operationOf } from './operation.ts'

/**
 * Why a request goes to no endpoint while `proxy.management` is off.
 * @param path as the endpoint would be asked for it, percent-encoded
 * @returns undefined where it may go
 */
export function managementRefusal(method: string, path: string): GatewayError | undefined {
  const operation = operationOf(path)
  if (operation.management === undefined || !managesEndpoint(method, operation)) return undefined
  return new GatewayError(
    'not_supported',
    operation.managementWords ??
      `${method} ${operation.path} manages the endpoint; the gateway passes it on only with proxy.management.`,
  )
}
