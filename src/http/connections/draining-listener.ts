import type { IncomingMessage, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import type { Clock } from '../../kernel/clock.ts'
import { type CapableRequest, type CapableServer, kDrain, kGiveUpBody } from '../contract/capabilities.ts'
import { acceptLast } from './accept-pause.ts'
import { closeQuiet } from './lingering-close.ts'
import { refuseConnection } from './refuse-connection.ts'
import { isFollowed, isUpgraded, responseUnderWay } from './under-way.ts'

/** The listener and its connections, as a drain needs them. */
export interface DrainedListener {
  /** From now on each answer ends its connection. */
  stopKeeping(): void
  /** Accepts the connections that the system has queued, then closes the port. */
  stopAccepting(): Promise<void>
  /** Connections that may still bring a request or are owed an answer. */
  readonly open: number
  /** Closes connections that have been quiet, and refuses requests whose body has stalled. */
  tend(): Promise<void>
  /** Refuses requests that are not whole yet; returns how many. */
  refuseIncomplete(): number
  /** Closes the connections of clients that have not read the end of their answer; returns how many. */
  cutUnread(): number
}

export interface DrainingListenerOptions {
  readonly clock: Clock
  /** Milliseconds without a request after which idle connections are closed. */
  readonly quietMs: number
  /** Milliseconds without a byte after which a request is refused that is not whole. */
  readonly stallMs: number
  /** What the reader of a body is told that has not come. */
  readonly error: () => Error
  /** The whole answer to a request that has no reader; undefined where not even its head has come. */
  readonly refusal: (request: IncomingMessage | undefined) => string
}

/** Any server of HTTP/1 or HTTP/2, as far as it is needed. */
interface Listener extends CapableServer {
  closeIdleConnections?(): void
}

/** The port stays open no longer for the connections that the system has queued; milliseconds. */
const mostAcceptingMs = 1_000

interface Silence {
  readonly bytesRead: number
  readonly sinceMs: number
}

/** A listener and its connections while they are drained; before that it only knows them. */
export class DrainingListener implements DrainedListener {
  readonly #server: Listener
  readonly #options: DrainingListenerOptions
  readonly #sockets = new Set<Socket>()
  #accepted = 0
  /** When a request or a connection came last; monotonic milliseconds. */
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
    // Connections of HTTP/2 have a shutdown of their own.
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
    this.#endUnderWay()
  }

  async stopAccepting(): Promise<void> {
    // The system resets what it has queued when the port closes, and Node accepts one connection a turn.
    acceptLast(this.#server)
    const { clock } = this.#options
    const beganMs = clock.monotonicMs()
    let quietTurns = 0
    while (quietTurns < 2 && clock.monotonicMs() - beganMs < mostAcceptingMs) {
      const before = this.#accepted
      await turn()
      quietTurns = this.#accepted === before ? quietTurns + 1 : 0
    }
    // A server of HTTP would close its idle connections at once.
    if (this.#server.listening) NetServer.prototype.close.call(this.#server)
  }

  async tend(): Promise<void> {
    const { clock, quietMs } = this.#options
    this.#endUnderWay()
    if (this.#isQuiet(quietMs)) {
      // What has come by now is read first.
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

  /** The newest request on a connection is the last one, until another comes behind it in time. */
  readonly #requested = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    this.#usedMs = this.#options.clock.monotonicMs()
    const before = this.#last.get(socket)
    if (before !== undefined && !before.headersSent) before.shouldKeepAlive = true
    this.#end(socket, response)
  }

  #endUnderWay(): void {
    for (const socket of this.#sockets) {
      const response = responseUnderWay(socket)
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
      if (!isOwed(socket) || responseUnderWay(socket) !== undefined) continue
      // Node takes a connection for active on which nothing has come yet.
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

  /** Connections whose request has begun and has not come to its end. */
  *#incomplete(): Generator<Socket> {
    for (const socket of this.#sockets) {
      if (!isOwed(socket)) continue
      const response = responseUnderWay(socket)
      // What is left without a response when idle connections are closed has brought a part of a head.
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

  /** Tells the reader of the body, which answers as it answers every error; the second time answers without it. */
  #refuse(socket: Socket): void {
    const request = responseUnderWay(socket)?.req
    if (request !== undefined && !this.#refused.has(socket)) {
      this.#refused.add(socket)
      if (giveUp(request, this.#options.error())) return
    }
    refuseConnection(socket, this.#options.refusal(request), this.#options.clock, () => false)
  }
}

/** Whether a request may still come on a connection, or a part of an answer has to go out. */
function isOwed(socket: Socket): boolean {
  if (socket.destroyed) return false
  if (socket.writableLength > 0) return true
  if (socket.writableEnded || isUpgraded(socket)) return false
  return responseUnderWay(socket)?.req.complete !== true
}

function giveUp(request: CapableRequest, error: Error): boolean {
  if (request[kGiveUpBody] !== undefined) return request[kGiveUpBody](error)
  return request.listenerCount('error') > 0 && request.emit('error', error)
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
