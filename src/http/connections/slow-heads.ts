import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { requestInFlight } from './in-flight.ts'

/** Interval at which connections are checked; milliseconds. */
const tickMs = 1000

interface Watched {
  readonly socket: Socket
  /** Bytes read when the connection was last seen between two requests. */
  bytesRead: number
  bytesWritten: number
  /** Time left for the head; 0 means no limit. */
  leftMs: number
}

/**
 * Limits the time for the head of a request on connections of Node's server. That server counts from the first byte of
 * the request line, so empty lines before it, which a server must skip (RFC 9112 section 2.2), would hold a connection
 * forever.
 */
export class SlowHeads {
  readonly #server: Server
  readonly #clock: Clock
  readonly #watched = new Set<Watched>()
  #timer: Timer | undefined

  constructor(server: Server, clock: Clock) {
    this.#server = server
    this.#clock = clock
  }

  /** @param leftMs for a head that has begun to arrive; by default nothing has arrived */
  add(socket: Socket, leftMs?: number): void {
    const watched = {
      socket,
      bytesRead: leftMs === undefined ? socket.bytesRead : -1,
      bytesWritten: socket.bytesWritten,
      leftMs: leftMs ?? this.#server.headersTimeout,
    }
    this.#watched.add(watched)
    socket.once('close', () => this.#watched.delete(watched))
    this.#timer ??= this.#clock.after(tickMs, this.#tick)
  }

  readonly #tick = (): void => {
    for (const watched of this.#watched) this.#check(watched)
    this.#timer = this.#watched.size > 0 ? this.#clock.after(tickMs, this.#tick) : undefined
  }

  #check(watched: Watched): void {
    const { socket, bytesWritten } = watched
    const isServing = hasResponse(socket) || requestInFlight(socket)?.complete === false
    if (isServing || socket.bytesWritten !== bytesWritten) {
      watched.bytesRead = socket.bytesRead
      watched.bytesWritten = socket.bytesWritten
      watched.leftMs = this.#server.headersTimeout
      return
    }
    if (socket.bytesRead === watched.bytesRead || watched.leftMs === 0 || !socket.writable) return
    watched.leftMs -= tickMs
    if (watched.leftMs > 0) return
    watched.leftMs = 0
    timeOut(this.#server, socket)
  }
}

/** Ends a connection whose request did not arrive in time. */
export function timeOut(server: Server, socket: Socket): void {
  const error = Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
  if (!server.emit('clientError', error, socket)) socket.destroy()
}

function hasResponse(socket: Socket): boolean {
  const response: unknown = Reflect.get(socket, '_httpMessage')
  return response !== null && response !== undefined
}
