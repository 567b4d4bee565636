import type { ServerResponse } from 'node:http'

/** What the owner of an answer wants to know of its client. */
export interface ResponseListener {
  /** The connection has ended, after the answer or before. */
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

/** A client that resets its connection must not end the process; `close` follows and tells. */
function onError(): void {}

/** The same functions for all responses instead of closures for each. */
export function watchResponse(response: ServerResponse, listener: ResponseListener): void {
  const watched: WatchedResponse = response
  watched[listenerKey] = listener
  watched.on('close', onClose)
  watched.on('error', onError)
}

/**
 * Tells the listener once that the client reads again. What is written to the socket drains there; the socket
 * lives longer than the response, which takes its listener back.
 */
export function awaitDrain(response: ServerResponse): void {
  const watched: WatchedResponse = response
  const source = response.socket ?? response
  const drained = () => onDrain.call(watched)
  source.once('drain', drained)
  watched[stallKey] = () => source.off('drain', drained)
}
