import type { ServerResponse } from 'node:http'

/** Events of a client that the owner of an answer handles. */
export interface ResponseListener {
  /** The connection was closed, before or after the end of the answer. */
  clientClosed(): void
  /** The client reads again. */
  clientDrained(): void
}

const listenerKey = Symbol('olla-gateway.listener')
const stallKey = Symbol('olla-gateway.stall')
type WatchedResponse = ServerResponse & { [listenerKey]?: ResponseListener; [stallKey]?: () => void }

function onClose(this: WatchedResponse): void {
  this[stallKey]?.()
  this[listenerKey]?.clientClosed()
}

function onDrain(this: WatchedResponse): void {
  this[listenerKey]?.clientDrained()
}

/** A client that resets its connection must not end the process; `close` follows. */
function onError(): void {}

/** Uses the same functions for all responses instead of closures for each. */
export function watchResponse(response: ServerResponse, listener: ResponseListener): void {
  const watched: WatchedResponse = response
  watched[listenerKey] = listener
  watched.on('close', onClose)
  watched.on('error', onError)
}

/**
 * Notifies the listener once when the client reads again. Bytes written to the socket drain there; the socket outlives
 * the response, which removes the listener.
 */
export function awaitDrain(response: ServerResponse): void {
  const watched: WatchedResponse = response
  const source = response.socket ?? response
  const drained = () => onDrain.call(watched)
  source.once('drain', drained)
  watched[stallKey] = () => source.off('drain', drained)
}
