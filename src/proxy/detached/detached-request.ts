import { RequestContext } from '../contract/context.ts'
import type { DispatchedRequest } from '../dispatch.ts'

/**
 * A request of a client as one without its connection, which may go on when the client has left.
 * @param id of the new request
 * @param startedAtMs monotonic
 */
export function detachedRequest(
  { gateway, method, protocol, headers, socket, raw }: DispatchedRequest,
  id: string,
  startedAtMs: number,
): DispatchedRequest {
  const { dialect, routeClass, clientAddress } = gateway
  const context = new RequestContext(id, startedAtMs, dialect, routeClass, clientAddress)
  context.rawHeaders = [...gateway.rawHeaders]
  context.serial = gateway.serial
  context.method = gateway.method
  context.url = gateway.url
  context.caller = gateway.caller
  context.identity = gateway.identity
  context.identityHeaders = gateway.identityHeaders
  return {
    gateway: context,
    method,
    protocol,
    headers: { ...headers },
    socket: { remoteAddress: socket.remoteAddress },
    raw: { rawHeaders: [...raw.rawHeaders] },
  }
}
