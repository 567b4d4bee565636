import type { Socket } from 'node:net'

/** Connections that end with an answer that is known already. */
const closing = new WeakSet<Socket>()

/**
 * Marks a connection whose current answer is its last. Node's server would still serve the requests that have come
 * behind it, and answer none of them.
 */
export function serveNoMore(socket: Socket): void {
  closing.add(socket)
}

/** Whether the current answer of a connection is its last. */
export function servesNoMore(socket: Socket): boolean {
  return closing.has(socket)
}
