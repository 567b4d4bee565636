import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import type { Clock } from '../../kernel/clock.ts'
import { type CapableRequest, type CapableServer, kDrain, kGiveUpBody } from '../contract/capabilities.ts'
import { acceptLast } from './accept-pause.ts'
import { isFollowed, isUpgraded, responseInFlight } from './in-flight.ts'
import { closeQuiet } from './lingering-close.ts'
import { refuseConnection } from './refuse-connection.ts'

/** The view that a drain has of a listener and its connections. */
export interface DrainedListener {
  /** Makes each response from now on end its connection. */
  stopKeeping(): void
  /** Accepts the connections that the kernel has queued, then closes the port. */
  stopAccepting(): Promise<void>
  /** Number of connections on which a request may still arrive or a response is due. */
  readonly open: number
  /** Closes idle connections once no request has arrived for a while, and rejects requests whose body has stalled. */
  tend(): Promise<void>
  /** Rejects incomplete requests; returns their number. */
  refuseIncomplete(): number
  /** Closes the connections of clients that have not read the end of their response; returns their number. */
  cutUnread(): number
}

export interface DrainingListenerOptions {
  readonly clock: Clock
  /** Milliseconds without a request after which idle connections are closed. */
  readonly quietMs: number
  /** Milliseconds without a byte after which an incomplete request is rejected. */
  readonly stallMs: number
  /** Creates the error for the reader of an incomplete body. */
  readonly error: () => Error
  /**
   * Returns the raw response for a request that has no reader; the request is undefined if not even its head has
   * arrived.
   */
  readonly refusal: (request: IncomingMessage | undefined) => string
}

/** The part of an HTTP/1 or HTTP/2 server that a drain needs. */
interface Listener extends CapableServer {
  closeIdleConnections?(): void
}

/** Maximum milliseconds for which the port stays open to accept queued connections. */
const maxAcceptingMs = 1_000

interface Silence {
  readonly bytesRead: number
  readonly sinceMs: number
}

/** Tracks the connections of a listener, and drains them when asked. */
export class DrainingListener implements DrainedListener {
  readonly #server: Listener
  readonly #options: DrainingListenerOptions
  readonly #sockets = new Set<Socket>()
  #accepted = 0
  /** Time of the last request or connection; monotonic milliseconds. */
  #usedMs = 0
  #isDraining = false
  #hasClosedIdle = false
  /** The responses that end their connections because of the drain. */
  readonly #last = new WeakMap<Socket, ServerResponse>()
  readonly #silences = new Map<Socket, Silence>()
  readonly #refused = new WeakSet<Socket>()

  constructor(server: Listener, options: DrainingListenerOptions) {
    this.#server = server
    this.#options = options
    // HTTP/2 connections have their own shutdown.
    if (server.closeIdleConnections === undefined) return
    server.on('setSecureContext' in server ? 'secureConnection' : 'connection', this.#connected)
  }

  get open(): number {
    let open = 0
    for (const socket of this.#sockets) if (isOwed(socket)) open++
    return open
  }

  stopKeeping(): void {
    this.#isDraining = true
    const { clock } = this.#options
    this.#usedMs = clock.monotonicMs()
    if (this.#server.closeIdleConnections === undefined) return
    this.#server[kDrain]?.()
    this.#server.prependListener('request', this.#requested)
    this.#endInFlight()
  }

  async stopAccepting(): Promise<void> {
    // The kernel resets queued connections when the port closes, and Node accepts one connection per event-loop turn.
    acceptLast(this.#server)
    const { clock } = this.#options
    const beganMs = clock.monotonicMs()
    let quietTurns = 0
    while (quietTurns < 2 && clock.monotonicMs() - beganMs < maxAcceptingMs) {
      const before = this.#accepted
      await turn()
      quietTurns = this.#accepted === before ? quietTurns + 1 : 0
    }
    // `close` of an HTTP server would close idle connections at once.
    if (this.#server.listening) NetServer.prototype.close.call(this.#server)
  }

  async tend(): Promise<void> {
    const { clock, quietMs } = this.#options
    this.#endInFlight()
    if (this.#isQuiet(quietMs)) {
      // Lets Node read the bytes that have arrived.
      await turn()
      if (this.#isQuiet(quietMs)) this.#closeIdle()
    }
    const nowMs = clock.monotonicMs()
    for (const socket of this.#incomplete()) if (this.#isStalled(socket, nowMs)) this.#refuse(socket)
  }

  refuseIncomplete(): number {
    this.#closeIdle()
    const incomplete = [...this.#incomplete()]
    for (const socket of incomplete) this.#refuse(socket)
    return incomplete.length
  }

  cutUnread(): number {
    let cut = 0
    for (const socket of this.#incomplete()) this.#refuse(socket)
    for (const socket of this.#sockets) {
      if (socket.destroyed || socket.writableLength === 0) continue
      socket.destroy()
      cut++
    }
    return cut
  }

  readonly #connected = (socket: Socket): void => {
    this.#accepted++
    if (this.#isDraining) this.#usedMs = this.#options.clock.monotonicMs()
    this.#sockets.add(socket)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      this.#silences.delete(socket)
    })
  }

  /** The latest request on a connection is its last, unless another one follows in time. */
  readonly #requested = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    this.#usedMs = this.#options.clock.monotonicMs()
    const before = this.#last.get(socket)
    if (before !== undefined && !before.headersSent) before.shouldKeepAlive = true
    this.#end(socket, response)
  }

  #endInFlight(): void {
    for (const socket of this.#sockets) {
      const response = responseInFlight(socket)
      if (response?.headersSent === false && !isFollowed(response)) this.#end(socket, response)
    }
  }

  #end(socket: Socket, response: ServerResponse): void {
    if (!response.shouldKeepAlive) return
    response.shouldKeepAlive = false
    this.#last.set(socket, response)
  }

  #isQuiet(quietMs: number): boolean {
    return this.#options.clock.monotonicMs() - this.#usedMs >= quietMs
  }

  #closeIdle(): void {
    this.#hasClosedIdle = true
    const { clock } = this.#options
    const shadowed: Socket[] = []
    for (const socket of this.#sockets) {
      if (!isOwed(socket) || responseInFlight(socket) !== undefined) continue
      // Node treats a connection that has received nothing as active.
      if (socket.bytesRead === 0) closeQuiet(socket, clock)
      else if (!Object.hasOwn(socket, 'destroy')) {
        // Only Node knows which connections are idle, and it destroys them.
        socket.destroy = () => {
          closeQuiet(socket, clock)
          return socket
        }
        shadowed.push(socket)
      }
    }
    this.#server.closeIdleConnections?.()
    for (const socket of shadowed) Reflect.deleteProperty(socket, 'destroy')
  }

  /** Connections with a request that has begun and is incomplete. */
  *#incomplete(): Generator<Socket> {
    for (const socket of this.#sockets) {
      if (!isOwed(socket)) continue
      const response = responseInFlight(socket)
      // After idle connections were closed, a connection without a response has received part of a head.
      if (response === undefined ? this.#hasClosedIdle : !response.req.complete && !response.headersSent)
        yield socket
    }
  }

  #isStalled(socket: Socket, nowMs: number): boolean {
    const { bytesRead } = socket
    const silence = this.#silences.get(socket)
    if (silence?.bytesRead === bytesRead) return nowMs - silence.sinceMs >= this.#options.stallMs
    this.#silences.set(socket, { bytesRead, sinceMs: nowMs })
    return false
  }

  /**
   * Passes the error to the reader of the body, which responds as to every error; the second time, sends the raw
   * response.
   */
  #refuse(socket: Socket): void {
    const request = responseInFlight(socket)?.req
    if (request !== undefined && !this.#refused.has(socket)) {
      this.#refused.add(socket)
      if (giveUp(request, this.#options.error())) return
    }
    refuseConnection(socket, this.#options.refusal(request), this.#options.clock, () => false)
  }
}

/** Whether a request may still arrive on a connection or a part of a response is unsent. */
function isOwed(socket: Socket): boolean {
  if (socket.destroyed) return false
  if (socket.writableLength > 0) return true
  if (socket.writableEnded || isUpgraded(socket)) return false
  return responseInFlight(socket)?.req.complete !== true
}

function giveUp(request: CapableRequest, error: Error): boolean {
  if (request[kGiveUpBody] !== undefined) return request[kGiveUpBody](error)
  return request.listenerCount('error') > 0 && request.emit('error', error)
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
