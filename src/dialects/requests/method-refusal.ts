import { GatewayError } from '../../kernel/errors.ts'
import { operationOf } from './operation.ts'

/**
 * The error for an inference request with a method other than POST. Endpoints would answer it with 404, 405 or a page
 * of their own.
 * @param path as the gateway would send it to the endpoint, percent-encoded
 * @returns undefined if the gateway may forward the request
 */
export function methodRefusal(method: string, path: string): GatewayError | undefined {
  // If the gateway does not answer a preflight itself, the endpoint does.
  if (method === 'POST' || method === 'OPTIONS' || !operationOf(path).isPostOnly) return undefined
  return new GatewayError('method_not_allowed', `${method} is not allowed here; use POST.`, {
    headers: ['Allow', 'POST'],
  })
}
