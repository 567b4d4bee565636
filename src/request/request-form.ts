import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../errors.ts'
import { isHost } from '../http1-server/host-field.ts'

/** Methods of the gateway's routes; `TRACE` would show a client's headers to a page (RFC 9110 section 9.3.8). */
export const allMethods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

/**
 * Looks for what Node's parser lets through and HTTP/1.1 does not, or the gateway does not serve. A request that the
 * gateway's own reader has read cannot have any of it.
 */
export function refusalOfForm(request: IncomingMessage): GatewayError | undefined {
  const { method, url, httpVersionMajor, httpVersionMinor, headers, rawHeaders } = request
  if (httpVersionMajor !== 1 || httpVersionMinor > 1) return new GatewayError('http_version_not_supported')
  // A request in a row after one that has closed the connection must not be served.
  if (request.socket.writableEnded) return new GatewayError('invalid_request', 'The connection is closing.')
  if (method === 'TRACE')
    return new GatewayError('method_not_allowed', undefined, { headers: ['Allow', allMethods] })
  if (url?.startsWith('/') !== true)
    return new GatewayError('invalid_path', 'The request target is not a path.')
  if (!hasOneHost(rawHeaders, httpVersionMinor === 1))
    return new GatewayError('invalid_request', 'The Host header is missing, repeated or not a host.')
  const { upgrade } = headers
  if (upgrade !== undefined && /\bwebsocket\b/i.test(upgrade))
    return new GatewayError('not_supported', 'The gateway does not support WebSocket.')
  return undefined
}

/** RFC 9112 section 3.2: a server must refuse HTTP/1.1 without a `Host`, more than one, and one that is not a host. */
function hasOneHost(rawHeaders: readonly string[], mustBe: boolean): boolean {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue
    if (++hosts > 1 || !isHost(rawHeaders[at + 1] ?? '')) return false
  }
  return hosts === 1 || !mustBe
}
