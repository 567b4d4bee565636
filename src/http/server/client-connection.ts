import type { Socket } from 'node:net'
import type { Clock } from '../../kernel/clock.ts'
import { closeLingering, closeQuiet } from '../connections/lingering-close.ts'
import { IncomingRequest } from './incoming-request.ts'
import { OutgoingResponse } from './outgoing-response.ts'
import { readPlainHead } from './plain-head.ts'
import { untakenBytes } from './untaken-bytes.ts'

/** What the connections of one server share. */
export interface ConnectionHost {
  /** Milliseconds that a connection is kept between requests; 0 is no limit. */
  readonly idleMs: number
  /** Milliseconds for a whole request to come; 0 is no limit. */
  readonly requestMs: number
  /** Milliseconds for the first request to begin; 0 is no limit. */
  readonly firstMs: number
  /** Milliseconds without a byte after which a socket times out, as with Node's server; 0 is no limit. */
  readonly silenceMs: number
  /** Milliseconds that a client may take nothing of an answer that is over; 0 is no limit. */
  readonly stallMs: number
  /** Whether the server accepts connections. */
  readonly isOpen: boolean
  /** Whether a client that has closed its side after the request is still answered. */
  readonly allowsHalfOpen: boolean
  /** Whether it is being drained: each answer ends its connection. */
  readonly isDraining: boolean
  readonly clock: Clock
  serve(request: IncomingRequest, response: OutgoingResponse): void
  /** The answer is out. */
  answered(request: IncomingRequest, response: OutgoingResponse, socket: Socket): void
  /**
   * Gives the connection to Node's server, which has seen nothing of it yet.
   * @param leftMs for the head whose beginning has come; 0 is no limit
   */
  handOver(socket: Socket, leftMs: number): void
  /** The request did not come in time. */
  timedOut(socket: Socket): void
  /** The socket has timed out. @returns whether the host handles it */
  silent(socket: Socket): boolean
  ended(connection: ClientConnection): void
}

const noBytes: Buffer = Buffer.alloc(0)
/** How often `tick` is called; milliseconds. */
export const tickMs = 1000
/** A client may begin a request in the moment in which it would be too late: Node waits as much longer. */
const idleGraceMs = 1000

/** The connection of a client: one request on it at a time, as long as they are plain. */
export class ClientConnection {
  readonly #host: ConnectionHost
  readonly #socket: Socket
  #request: IncomingRequest | undefined
  #response: OutgoingResponse | undefined
  /** What has come of the next request while one was under way. */
  #early = noBytes
  #leftMs: number
  /** What the client had not taken of an answer that is over, at the last look. */
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

  /** Between two requests, or before the first. */
  get isIdle(): boolean {
    return this.#request === undefined && !this.#isLingering
  }

  get hasEarly(): boolean {
    return this.#early.length > 0
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Ends the connection between two requests. */
  closeQuiet(): void {
    this.#isLingering = true
    closeQuiet(this.#socket, this.#host.clock)
  }

  /** Time has passed: what takes too long ends. */
  tick(passedMs: number): void {
    if (this.#isTaking()) {
      this.#leftMs = this.#host.stallMs
      return
    }
    if (this.#leftMs === 0) return
    this.#leftMs -= passedMs
    if (this.#leftMs > 0) return
    this.#leftMs = 0
    if (this.#request === undefined || this.#request.complete) this.#socket.destroy()
    else this.#host.timedOut(this.#socket)
  }

  /** Whether an answer is over, and its client has taken some of the rest since the last look, or this is the first. */
  #isTaking(): boolean {
    if (this.#response?.finished !== true || this.#request?.complete !== true) return false
    const bytes = untakenBytes(this.#socket)
    const isTaking = this.#leftMs === 0 || bytes !== this.#untakenBytes
    this.#untakenBytes = bytes
    return isTaking
  }

  // For the request, whose body comes through here.

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

  /** A drain was to end the connection behind the answer to this one. */
  #keepForNext({ headers }: IncomingRequest): void {
    if (this.#response?.headersSent !== false) return
    this.#response.shouldKeepAlive = headers.connection?.toLowerCase() !== 'close'
  }

  #begin(bytes: Buffer): void {
    // Where connections end, only Node's server answers requests in a row to the last.
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
    this.#leftMs = request.complete ? 0 : host.requestMs
    response.assignSocket(this.#socket)
    response.on('finish', this.#answered)
    host.serve(request, response)
    // Until a reader wants the rest of it.
    if (!request.isWanted && this.#request === request) this.pause()
  }

  readonly #answered = (): void => {
    const request = this.#request
    const response = this.#response
    if (request === undefined || response === undefined) return
    const socket = this.#socket
    this.#host.answered(request, response, socket)
    response.detachSocket(socket)
    process.nextTick(emitClose, response)
    this.#response = undefined
    // A client whose answer began before the drain may take the connection for kept.
    if (response.closes || (!this.#host.isOpen && !this.#host.isDraining)) {
      this.#request = undefined
      // What still comes is the rest of this request or follows the last: never another request.
      socket.off('data', this.#read)
      if (request.complete) socket.destroySoon()
      else this.#linger()
    } else if (request.complete) {
      this.#next()
    } else {
      // A handler that has answered wants no more of it, but the next request stands behind it.
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
    // The request or its response may have set another one.
    if ((this.#socket.timeout ?? 0) !== silenceMs) this.#socket.setTimeout(silenceMs)
    this.#leftMs = idleMs === 0 ? 0 : idleMs + idleGraceMs
    const early = this.#early
    if (early.length === 0) {
      this.resume()
      return
    }
    // Requests in a row, without waiting for answers: Node knows how.
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
    // The first head has the time from the connection's beginning on, another one from its own.
    this.#host.handOver(socket, this.#hasServed ? this.#host.firstMs : this.#leftMs)
    socket.resume()
  }

  readonly #drained = (): void => {
    const response = this.#response
    if (response !== undefined && !response.finished) response.emit('drain')
  }

  /** A client that sends no more wants no answer either, as for Node's server, unless the host says otherwise. */
  readonly #clientEnded = (): void => {
    if (this.#host.allowsHalfOpen && this.#request?.complete === true && this.#response !== undefined) {
      // A request that came behind this one is Node's to answer, which has no use for the end any more.
      if (this.#early.length === 0) this.#response.isLast()
      return
    }
    this.#breakRequest()
    this.#socket.end()
  }

  /** As Node's server does: a listener decides, without one the connection ends. */
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
