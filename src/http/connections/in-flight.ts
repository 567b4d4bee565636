import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type CapableRequest, kIsFollowed } from '../contract/capabilities.ts'

/** The response in flight on a connection of our server or of Node's. */
export function responseInFlight(socket: Socket): ServerResponse | undefined {
  const message: unknown = Reflect.get(socket, '_httpMessage')
  return isResponse(message) ? message : undefined
}

/** The request that Node's parser is reading or has read last. */
export function requestInFlight(socket: Socket): IncomingMessage | undefined {
  const parser: unknown = Reflect.get(socket, 'parser')
  const incoming: unknown =
    typeof parser === 'object' && parser !== null ? Reflect.get(parser, 'incoming') : undefined
  return isRequest(incoming) ? incoming : undefined
}

/** Whether another request has arrived after the one in flight. */
export function isFollowed({ req }: ServerResponse): boolean {
  const { [kIsFollowed]: isFollowed }: CapableRequest = req
  return isFollowed ?? requestInFlight(req.socket) !== req
}

/** Whether the connection has been upgraded to another protocol. */
export function isUpgraded(socket: Socket): boolean {
  // Node detaches its parser at an upgrade.
  return Reflect.get(socket, 'parser') === null
}

function isResponse(value: unknown): value is ServerResponse {
  return typeof value === 'object' && value !== null && 'headersSent' in value && 'req' in value
}

function isRequest(value: unknown): value is IncomingMessage {
  return typeof value === 'object' && value !== null && 'complete' in value && 'once' in value
}
