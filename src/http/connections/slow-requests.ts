import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../../kernel/clock.ts'
import { isAdvancing } from './body-progress.ts'
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
  body: WatchedBody | undefined
}

interface WatchedBody {
  readonly request: IncomingMessage
  /** Bytes read when its time began. */
  bytesRead: number
  leftMs: number
}

export interface SlowRequestOptions {
  readonly clock: Clock
  /** Milliseconds in which a body must arrive or advance; 0 means no limit. */
  readonly bodyMs: () => number
}

/**
 * Limits the time for requests on connections of Node's server.
 * - Heads: that server counts from the first byte of the request line, so empty lines before it, which a server must skip
 *   (RFC 9112 section 2.2), would hold a connection forever.
 * - Bodies: that server only limits the whole request, which would cut a large upload.
 */
export class SlowRequests {
  readonly #server: Server
  readonly #clock: Clock
  readonly #bodyMs: () => number
  readonly #watched = new Set<Watched>()
  #timer: Timer | undefined

  constructor(server: Server, { clock, bodyMs }: SlowRequestOptions) {
    this.#server = server
    this.#clock = clock
    this.#bodyMs = bodyMs
  }

  /** @param leftMs for a head that has begun to arrive; by default nothing has arrived */
  add(socket: Socket, leftMs?: number): void {
    const watched: Watched = {
      socket,
      bytesRead: leftMs === undefined ? socket.bytesRead : -1,
      bytesWritten: socket.bytesWritten,
      leftMs: leftMs ?? this.#server.headersTimeout,
      body: undefined,
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
    const request = requestInFlight(socket)
    const isReceiving = request?.complete === false
    const isAnswering = hasResponse(socket)
    if (isReceiving) this.#checkBody(watched, request, isAnswering)
    else watched.body = undefined
    const isServing = isAnswering || isReceiving
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

  /** @param isAwaited whether the request has no answer yet; else the rest of its body is discarded */
  #checkBody(watched: Watched, request: IncomingMessage, isAwaited: boolean): void {
    const { socket, body } = watched
    const limitMs = this.#bodyMs()
    if (limitMs === 0) return
    if (body?.request !== request) {
      watched.body = { request, bytesRead: socket.bytesRead, leftMs: limitMs }
      return
    }
    body.leftMs -= tickMs
    if (body.leftMs > 0) return
    body.leftMs = limitMs
    // Of a paused body the gateway itself wants no more yet.
    const mayContinue = socket.isPaused() || isAdvancing(socket.bytesRead - body.bytesRead, limitMs)
    body.bytesRead = socket.bytesRead
    if (!isAwaited || !mayContinue) timeOut(this.#server, socket)
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
