import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { giveBack } from '../../kernel/memory/give-back.ts'
import { requestUnderWay } from './under-way.ts'

/** How often a connection is looked at that lingers. */
const tickMs = 250
/** A client that neither sends nor closes for so long has read the answer, or never will. */
const quietMs = 2_000
const mostMs = 30_000
/** Where the server is closing. */
const mostClosingMs = 1_000
/** As much as the longest request that is allowed by default, twice and more. */
const mostBytes = 268_435_456

/**
 * Ends a connection whose client is still sending: closing it at once would make the kernel reset it, and the client
 * could lose the answer (RFC 9112 section 9.6). So only the writing half is closed, and what still comes is read and
 * dropped, for a bounded time and amount.
 * @param isOpen whether the server still accepts connections
 */
export function closeLingering(socket: Socket, clock: Clock, isOpen: () => boolean): void {
  const mostRead = socket.bytesRead + mostBytes
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
    const limitMs = isOpen() ? mostMs : mostClosingMs
    if (passedMs >= limitMs || silentMs >= quietMs || bytesRead > mostRead) socket.destroy()
    else timer = clock.after(tickMs, tick)
  }
}

const lingering = new WeakSet<Socket>()

/**
 * Makes Node's server, which closes a connection behind its last answer with `destroySoon`, linger there if the
 * request has not come to its end.
 */
export function lingerOnClose(socket: Socket, clock: Clock, isOpen: () => boolean): void {
  if (lingering.has(socket)) return
  lingering.add(socket)
  const destroySoon = socket.destroySoon
  socket.destroySoon = () => {
    const request = requestUnderWay(socket)
    if (request === undefined || request.complete) {
      destroySoon.call(socket)
      return
    }
    closeLingering(socket, clock, isOpen)
    takeFromParser(socket)
  }
}

/**
 * Ends a connection that has been quiet. A request that crosses with the end cannot be answered any more, but the client
 * sees the end of the connection and not a reset.
 */
export function closeQuiet(socket: Socket, clock: Clock): void {
  closeLingering(socket, clock, () => false)
  takeFromParser(socket)
}

/**
 * Takes the bytes that still arrive away from Node's parser: it would serve a request in the same packet as the end of
 * the body before the request has emitted its end.
 */
function takeFromParser(socket: Socket): void {
  for (const listener of socket.rawListeners('data')) {
    if (listener !== forget) Reflect.apply(socket.off, socket, ['data', listener])
  }
}

/** What is read past lies outside of the heap, and would wait there for a collection. */
function forget(this: Socket, bytes: Buffer): void {
  if (this.listenerCount('data') === 1) giveBack(bytes)
}
