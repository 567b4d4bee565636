import { GatewayError } from '../../kernel/errors.ts'
import { operationOf } from './operation.ts'

/**
 * Why a request goes to no endpoint that asks for inference with another method than POST. Servers answer that with 404
 * or 405, or with a page of their own.
 * @param path as the endpoint would be asked for it, percent-encoded
 * @returns undefined where it may go
 */
export function methodRefusal(method: string, path: string): GatewayError | undefined {
  // What a preflight is answered depends on the endpoint where the gateway does not answer it itself.
  if (method === 'POST' || method === 'OPTIONS' || !operationOf(path).isPostOnly) return undefined
  return new GatewayError('method_not_allowed', `${method} is not allowed here; use POST.`, {
    headers: ['Allow', 'POST'],
  })
}
