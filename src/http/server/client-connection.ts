import type { Socket } from 'node:net'
import type { Clock } from '../../kernel/clock.ts'
import { isAdvancing } from '../connections/body-progress.ts'
import { closeLingering, closeQuiet } from '../connections/lingering-close.ts'
import { IncomingRequest } from './incoming-request.ts'
import { OutgoingResponse } from './outgoing-response.ts'
import { readPlainHead } from './plain-head.ts'
import { untakenBytes } from './untaken-bytes.ts'

/** Settings and callbacks that the connections of one server share. */
export interface ConnectionHost {
  /** Milliseconds that a connection is kept between requests; 0 means no limit. */
  readonly idleMs: number
  /** Milliseconds in which the body of a request must arrive or advance; 0 means no limit. */
  readonly bodyMs: number
  /** Milliseconds in which the first request must begin; 0 means no limit. */
  readonly firstMs: number
  /** Milliseconds without a byte after which a socket times out, as in Node's server; 0 means no limit. */
  readonly silenceMs: number
  /** Maximum milliseconds in which a client reads nothing of a response that has ended; 0 means no limit. */
  readonly stallMs: number
  /** Whether the server accepts connections. */
  readonly isOpen: boolean
  /** Whether a client that has closed its side after the request still gets its response. */
  readonly allowsHalfOpen: boolean
  /** Whether the server is draining: each response then ends its connection. */
  readonly isDraining: boolean
  readonly clock: Clock
  serve(request: IncomingRequest, response: OutgoingResponse): void
  /** The response has been sent. */
  answered(request: IncomingRequest, response: OutgoingResponse, socket: Socket): void
  /**
   * Passes the connection to Node's server, which has seen none of its bytes.
   * @param leftMs time left for the head that has begun to arrive; 0 means no limit
   */
  handOver(socket: Socket, leftMs: number): void
  /** The request did not arrive in time. */
  timedOut(socket: Socket): void
  /** The socket has timed out. @returns whether the host handles the timeout */
  silent(socket: Socket): boolean
  ended(connection: ClientConnection): void
}

const noBytes: Buffer = Buffer.alloc(0)
/** Interval of `tick` in milliseconds. */
export const tickMs = 1000
/** Grace period for a request that crosses the idle timeout on the wire; Node's server waits as long. */
const idleGraceMs = 1000

/** A client connection. It carries one request at a time, as long as requests are plain. */
export class ClientConnection {
  readonly #host: ConnectionHost
  readonly #socket: Socket
  #request: IncomingRequest | undefined
  #response: OutgoingResponse | undefined
  /** Bytes of the next request that arrived during the current one. */
  #early = noBytes
  #leftMs: number
  /** Bytes of the body that were still to come when its time began. */
  #bodyBytes = 0
  /** Unsent bytes of a response that has ended, at the last check. */
  #untakenBytes = 0
  #isPaused = false
  #hasServed = false
  #isLingering = false

  constructor(host: ConnectionHost, socket: Socket) {
    this.#host = host
    this.#socket = socket
    this.#leftMs = host.firstMs
    socket.on('data', this.#read)
    socket.on('end', this.#clientEnded)
    socket.on('drain', this.#drained)
    socket.on('error', ignore)
    socket.on('close', this.#closed)
    socket.on('timeout', this.#silent)
    if (host.silenceMs > 0) socket.setTimeout(host.silenceMs)
  }

  /** Whether the connection is between two requests or before the first. */
  get isIdle(): boolean {
    return this.#request === undefined && !this.#isLingering
  }

  get hasEarly(): boolean {
    return this.#early.length > 0
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Closes the connection between two requests. */
  closeQuiet(): void {
    this.#isLingering = true
    closeQuiet(this.#socket, this.#host.clock)
  }

  /** Advances the time and enforces the limits. */
  tick(passedMs: number): void {
    if (this.#isTaking()) {
      this.#leftMs = this.#host.stallMs
      return
    }
    if (this.#leftMs === 0) return
    this.#leftMs -= passedMs
    if (this.#leftMs > 0 || this.#isAdvancing()) return
    this.#leftMs = 0
    if (this.#request === undefined || this.#request.complete) this.#socket.destroy()
    else this.#host.timedOut(this.#socket)
  }

  /** Whether a body that is still wanted has advanced in its time, which then begins again. */
  #isAdvancing(): boolean {
    const { bodyMs } = this.#host
    if (this.#request?.complete !== false || this.#response === undefined || this.#response.finished)
      return false
    const bytes = this.#bodyBytes - this.#request.leftBytes
    // Of a paused body the gateway itself wants no more yet.
    if (!this.#isPaused && !isAdvancing(bytes, bodyMs)) return false
    this.#beginBody(this.#request)
    return true
  }

  #beginBody({ leftBytes }: IncomingRequest): void {
    const { bodyMs } = this.#host
    this.#bodyBytes = leftBytes
    // The first tick comes before its time has passed.
    this.#leftMs = bodyMs === 0 ? 0 : bodyMs + tickMs
  }

  /**
   * Whether a response has ended and its client has read some of it since the last check, or this is the first check.
   */
  #isTaking(): boolean {
    if (this.#response?.finished !== true || this.#request?.complete !== true) return false
    const bytes = untakenBytes(this.#socket)
    const isTaking = this.#leftMs === 0 || bytes !== this.#untakenBytes
    this.#untakenBytes = bytes
    return isTaking
  }

  // Called by the request, whose body arrives through this connection.

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#socket.resume()
  }

  pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#socket.pause()
  }

  readonly #read = (bytes: Buffer): void => {
    const request = this.#request
    if (request === undefined) {
      this.#begin(bytes)
      return
    }
    const { leftBytes } = request
    if (bytes.length <= leftBytes) {
      request.add(bytes)
    } else {
      if (leftBytes > 0) request.add(bytes.subarray(0, leftBytes))
      const rest = leftBytes === 0 ? bytes : bytes.subarray(leftBytes)
      this.#early = this.#early.length === 0 ? rest : Buffer.concat([this.#early, rest])
      if (this.#host.isDraining) this.#keepForNext(request)
      this.pause()
    }
    if (request.complete) this.#requestIsWhole()
  }

  /** Undoes the drain's `Connection: close` for a response with another request after it. */
  #keepForNext({ headers }: IncomingRequest): void {
    if (this.#response?.headersSent !== false) return
    this.#response.shouldKeepAlive = headers.connection?.toLowerCase() !== 'close'
  }

  #begin(bytes: Buffer): void {
    // While connections end, only Node's server answers every pipelined request.
    const head = this.#host.isDraining ? undefined : readPlainHead(bytes)
    const bodyBytes = head === undefined ? 0 : bytes.length - head.headBytes
    if (head === undefined || bodyBytes > head.lengthBytes) {
      this.#handOver(bytes)
      return
    }
    const host = this.#host
    const first = bodyBytes === 0 ? noBytes : bytes.subarray(head.headBytes)
    const request = new IncomingRequest(this.#socket, this, head, first)
    const response = new OutgoingResponse(request, head.keepsAlive && host.isOpen, host.idleMs)
    this.#request = request
    this.#response = response
    this.#hasServed = true
    if (request.complete) this.#leftMs = 0
    else this.#beginBody(request)
    response.assignSocket(this.#socket)
    response.on('finish', this.#answered)
    host.serve(request, response)
    // Until a reader asks for the rest of the body.
    if (!request.isWanted && this.#request === request) this.pause()
  }

  readonly #answered = (): void => {
    const request = this.#request
    const response = this.#response
    if (request === undefined || response === undefined) return
    const socket = this.#socket
    this.#host.answered(request, response, socket)
    response.detachSocket(socket)
    if (!response.concludesItself) process.nextTick(emitClose, response)
    this.#response = undefined
    // A client whose response began before the drain may expect the connection to stay open.
    if (response.closes || (!this.#host.isOpen && !this.#host.isDraining)) {
      this.#request = undefined
      // Further bytes are the rest of this request or follow the last one, never another request.
      socket.off('data', this.#read)
      if (request.complete) socket.destroySoon()
      else this.#linger()
    } else if (request.complete) {
      this.#next()
    } else {
      // The handler has replied: discard the rest of the body to reach the next request.
      request.discard()
      this.resume()
    }
  }

  #linger(): void {
    this.#isLingering = true
    closeLingering(this.#socket, this.#host.clock, () => this.#host.isOpen)
  }

  #requestIsWhole(): void {
    this.#leftMs = 0
    if (this.#response === undefined) this.#next()
  }

  #next(): void {
    this.#request = undefined
    const { idleMs, silenceMs } = this.#host
    // The request or its response may have changed the timeout.
    if ((this.#socket.timeout ?? 0) !== silenceMs) this.#socket.setTimeout(silenceMs)
    this.#leftMs = idleMs === 0 ? 0 : idleMs + idleGraceMs
    const early = this.#early
    if (early.length === 0) {
      this.resume()
      return
    }
    // The client pipelines requests, which Node's server handles.
    this.#early = noBytes
    this.#handOver(early)
  }

  #handOver(bytes: Buffer): void {
    const socket = this.#socket
    socket.off('data', this.#read)
    socket.off('end', this.#clientEnded)
    socket.off('drain', this.#drained)
    socket.off('error', ignore)
    socket.off('close', this.#closed)
    socket.off('timeout', this.#silent)
    this.#host.ended(this)
    socket.pause()
    socket.unshift(bytes)
    // The time for the first head began with the connection; for later heads it begins now.
    this.#host.handOver(socket, this.#hasServed ? this.#host.firstMs : this.#leftMs)
    socket.resume()
  }

  readonly #drained = (): void => {
    const response = this.#response
    if (response !== undefined && !response.finished) response.emit('drain')
  }

  /**
   * As in Node's server, a client that stops sending expects no response, unless the host allows half-open connections.
   */
  readonly #clientEnded = (): void => {
    if (this.#host.allowsHalfOpen && this.#request?.complete === true && this.#response !== undefined) {
      // Node's server will answer the pipelined request, and it has not seen the end of the client's side.
      if (this.#early.length === 0) this.#response.isLast()
      return
    }
    this.#breakRequest()
    this.#socket.end()
  }

  /** As in Node's server, a `timeout` listener decides; without one the connection ends. */
  readonly #silent = (): void => {
    const request = this.#request
    const byRequest = request?.complete === false && request.emit('timeout', this.#socket)
    const byResponse = this.#response?.emit('timeout', this.#socket) === true
    const byHost = this.#host.silent(this.#socket)
    if (!byRequest && !byResponse && !byHost) this.#socket.destroy()
  }

  readonly #closed = (): void => {
    this.#host.ended(this)
    this.#request?.lost()
    this.#breakRequest()
  }

  #breakRequest(): void {
    const request = this.#request
    if (request === undefined || (request.complete && !request.isAwaited)) return
    this.#request = undefined
    request.break(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }))
  }
}

function ignore(): void {}

function emitClose(response: OutgoingResponse): void {
  response.conclude()
}
