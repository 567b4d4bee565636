import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { giveBack } from '../../kernel/memory/give-back.ts'
import { requestInFlight } from './in-flight.ts'

/** Interval at which a lingering connection is checked. */
const tickMs = 250
/** A client that neither sends nor closes for this long has read the response or never will. */
const quietMs = 2_000
const maxMs = 30_000
/** Limit while the server is closing. */
const maxClosingMs = 1_000
/** More than twice the default limit for request bodies. */
const maxBytes = 268_435_456

/**
 * Ends a connection whose client is still sending. Closing it at once would make the kernel reset it, and the client
 * could lose the response (RFC 9112 section 9.6). So this closes only the writing side and discards further bytes, for
 * a bounded time and amount.
 * @param isOpen whether the server still accepts connections
 */
export function closeLingering(socket: Socket, clock: Clock, isOpen: () => boolean): void {
  const maxBytesRead = socket.bytesRead + maxBytes
  let bytesRead = socket.bytesRead
  let passedMs = 0
  let silentMs = 0
  let timer: Timer = clock.after(tickMs, tick)
  socket.once('close', () => timer.cancel())
  socket.end()
  socket.on('data', forget)
  socket.resume()

  function tick(): void {
    passedMs += tickMs
    silentMs = socket.bytesRead === bytesRead ? silentMs + tickMs : 0
    bytesRead = socket.bytesRead
    const limitMs = isOpen() ? maxMs : maxClosingMs
    if (passedMs >= limitMs || silentMs >= quietMs || bytesRead > maxBytesRead) socket.destroy()
    else timer = clock.after(tickMs, tick)
  }
}

const lingering = new WeakSet<Socket>()

/**
 * Makes Node's server, which closes a connection after its last response with `destroySoon`, linger if the request is
 * incomplete.
 */
export function lingerOnClose(socket: Socket, clock: Clock, isOpen: () => boolean): void {
  if (lingering.has(socket)) return
  lingering.add(socket)
  const destroySoon = socket.destroySoon
  socket.destroySoon = () => {
    const request = requestInFlight(socket)
    if (request === undefined || request.complete) {
      destroySoon.call(socket)
      return
    }
    closeLingering(socket, clock, isOpen)
    takeFromParser(socket)
  }
}

/**
 * Ends an idle connection. A request that crosses the close on the wire gets no response, but the client sees a close
 * instead of a reset.
 */
export function closeQuiet(socket: Socket, clock: Clock): void {
  closeLingering(socket, clock, () => false)
  takeFromParser(socket)
}

/**
 * Detaches Node's parser from further bytes: it would dispatch a request in the same packet as the end of the body
 * before the current request has emitted its end.
 */
function takeFromParser(socket: Socket): void {
  for (const listener of socket.rawListeners('data')) {
    if (listener !== forget) Reflect.apply(socket.off, socket, ['data', listener])
  }
}

/** Discarded chunks are outside of the heap, where they would wait for a garbage collection. */
function forget(this: Socket, bytes: Buffer): void {
  if (this.listenerCount('data') === 1) giveBack(bytes)
}
