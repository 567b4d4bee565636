import type { Socket } from 'node:net'

/** Connections that end after a response that is already known. */
const closing = new WeakSet<Socket>()

/**
 * Marks the current response of a connection as its last. Otherwise Node's server would dispatch the requests that
 * follow on the connection and send none of their responses.
 */
export function serveNoMore(socket: Socket): void {
  closing.add(socket)
}

/** Whether the current response of a connection is its last. */
export function servesNoMore(socket: Socket): boolean {
  return closing.has(socket)
}
