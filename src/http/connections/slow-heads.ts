import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { requestUnderWay } from './under-way.ts'

/** How often connections are looked at; milliseconds. */
const tickMs = 1000

interface Watched {
  readonly socket: Socket
  /** When the connection was seen last between two requests. */
  bytesRead: number
  bytesWritten: number
  /** Of the time for a head; 0 is no limit. */
  leftMs: number
}

/**
 * Bounds the time that the head of a request takes on connections of Node's server. That server counts from the first
 * byte of the request line, so that empty lines before it, which are to be skipped (RFC 9112 section 2.2), hold a
 * connection for ever.
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

  /** @param leftMs for a head whose beginning has come already; nothing has come by default */
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
    for (const watched of this.#watched) this.#look(watched)
    this.#timer = this.#watched.size > 0 ? this.#clock.after(tickMs, this.#tick) : undefined
  }

  #look(watched: Watched): void {
    const { socket, bytesWritten } = watched
    const isServing = hasResponse(socket) || requestUnderWay(socket)?.complete === false
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

/** Ends a connection whose request did not come in time. */
export function timeOut(server: Server, socket: Socket): void {
  const error = Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
  if (!server.emit('clientError', error, socket)) socket.destroy()
}

function hasResponse(socket: Socket): boolean {
  const response: unknown = Reflect.get(socket, '_httpMessage')
  return response !== null && response !== undefined
}
