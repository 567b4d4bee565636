import type { Socket } from 'node:net'
import type { Clock } from '../../kernel/clock.ts'
import { servesNoMore } from './closing-connections.ts'
import { closeLingering } from './lingering-close.ts'
import { responseUnderWay } from './under-way.ts'

const refused = new WeakSet<Socket>()

/**
 * Ends a connection whose bytes are not a request. An answer that is under way comes first: its request was read whole,
 * and what follows it is no fault of it.
 * @param refusal the whole answer to these bytes
 */
export function refuseConnection(socket: Socket, refusal: string, clock: Clock, isOpen: () => boolean): void {
  // The parser fails again with everything that comes. On Node 22 it also fails with what comes behind the last answer,
  // which ends the connection itself.
  if (refused.has(socket) || servesNoMore(socket)) return
  refused.add(socket)
  refuseBehindAnswers(socket, refusal, clock, isOpen)
}

function refuseBehindAnswers(socket: Socket, refusal: string, clock: Clock, isOpen: () => boolean): void {
  const response = responseUnderWay(socket)
  if (response?.req.complete === true && !response.writableFinished) {
    // Requests in a row have their answers one after the other: the next has taken its place by then.
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
