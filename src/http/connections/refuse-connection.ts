import type { Socket } from 'node:net'
import type { Clock } from '../../kernel/clock.ts'
import { servesNoMore } from './closing-connections.ts'
import { responseInFlight } from './in-flight.ts'
import { closeLingering } from './lingering-close.ts'

const refused = new WeakSet<Socket>()

/**
 * Ends a connection whose bytes are not a request, after the response in flight: that request was complete, and the
 * invalid bytes after it do not affect it.
 * @param refusal the raw response to these bytes
 */
export function refuseConnection(socket: Socket, refusal: string, clock: Clock, isOpen: () => boolean): void {
  // The parser fails again for every further byte. On Node 22 it also fails for bytes after the last response, which
  // ends the connection itself.
  if (refused.has(socket) || servesNoMore(socket)) return
  refused.add(socket)
  refuseBehindAnswers(socket, refusal, clock, isOpen)
}

function refuseBehindAnswers(socket: Socket, refusal: string, clock: Clock, isOpen: () => boolean): void {
  const response = responseInFlight(socket)
  if (response?.req.complete === true && !response.writableFinished) {
    // Pipelined requests get their responses one after another: by now the next response may be in flight.
    response.once('close', () => refuseBehindAnswers(socket, refusal, clock, isOpen))
  } else if (response?.headersSent === true && !response.writableFinished) {
    socket.destroy()
  } else {
    end(socket, refusal, clock, isOpen)
  }
}

function end(socket: Socket, refusal: string, clock: Clock, isOpen: () => boolean): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  socket.write(refusal)
  closeLingering(socket, clock, isOpen)
}
