import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { Clock } from '../../../kernel/clock.ts'
import { type BodyBytes, bytesOf, piecesOf } from '../../../kernel/memory/body-bytes.ts'
import { maxSharedBytes, outgoingBytes } from '../../connections/outgoing-bytes.ts'
import { type HeadParts, writeHead } from '../../headers/head-parts.ts'
import { type ConnectOptions, openSocket } from '../connect.ts'
import { type ClientRequest, isStream, type RequestHandler, staleWithinMs } from '../contract.ts'
import { Http1Error } from '../errors.ts'
import { readOnAfterFailedWrites } from '../patient-writes.ts'
import { ChunkEncoder } from './chunk-encoder.ts'
import { namesLength, requestHead } from './request-head.ts'
import type { ResponseHead } from './response-head.ts'
import { type AnswerListener, ResponseReader } from './response-reader.ts'

export interface ConnectionOwner {
  /**
   * The connection can carry another request. @param keepAliveSeconds limit for idle connections that the server
   * reported
   */
  released(connection: Connection, keepAliveSeconds: number | undefined): void
  /** The connection has closed. */
  ended(connection: Connection): void
  /** A reused connection closed before the first byte of the response: the request needs a fresh one. */
  stale(request: ClientRequest, handler: RequestHandler): void
}

/**
 * Receives every read of the thread: reads happen one after another, and bytes to keep are copied. So idle streams hold
 * no read buffer.
 */
const readBuffer = Buffer.allocUnsafeSlow(65_536)
const noBytes: Buffer = Buffer.alloc(0)

/** One connection to a server; it carries one request at a time. */
export class Connection implements AnswerListener {
  /** Deadline for reusing the idle connection; monotonic milliseconds. */
  idleUntilMs = 0
  /** When a new connection takes its place; monotonic milliseconds. */
  replaceAtMs = Number.POSITIVE_INFINITY
  readonly #owner: ConnectionOwner
  readonly #host: string
  readonly #clock: Clock
  readonly #isTls: boolean
  readonly #socket: Socket
  readonly #reader = new ResponseReader(this)
  #handler: RequestHandler | undefined
  #stream: Readable | undefined
  /** The request to retry on a fresh connection if this reused one closes before the first byte of the response. */
  #resendable: ClientRequest | undefined
  #sentMs = 0
  /** Whether the body takes several writes: the response may then arrive before the last one. */
  #isLarge = false
  /** Whether a reset ends the response as a FIN does. */
  #mayEndByReset = false
  #writesPatiently = false
  #keepAliveSeconds: number | undefined
  #keepsAlive = true
  #isPaused = false
  #error: Error | undefined
  // Bound once and used for all requests of the connection.
  readonly #abort = (error?: Error): void => this.#fail(error ?? closedError())
  // A response that arrives before its request is written ends the connection, so `#handler` still belongs to this
  // request.
  readonly #bodyWritten = (error?: Error | null): void => {
    if (error === undefined || error === null) this.#handler?.onBodyWritten?.()
  }
  readonly #resume = (): void => {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#socket.resume()
  }

  /** @param host value of `Host` */
  constructor(
    owner: ConnectionOwner,
    options: Omit<ConnectOptions, 'onread'>,
    host: string,
    ready: (connection: Connection) => void,
  ) {
    this.#owner = owner
    this.#host = host
    this.#clock = options.clock
    this.#isTls = options.origin.protocol === 'https:'
    const callback = (bytes: number): boolean => this.#read(bytes)
    this.#socket = openSocket({ ...options, onread: { buffer: readBuffer, callback } }, () => ready(this))
    this.#socket.on('error', (error) => {
      this.#error ??= error
    })
    this.#socket.on('end', () => this.#otherSideEnded())
    this.#socket.on('close', () => this.#closed())
  }

  /** Whether an idle connection can carry a request now. */
  get isUsable(): boolean {
    return this.#isOpen && this.#clock.monotonicMs() < this.idleUntilMs
  }

  get #isOpen(): boolean {
    return this.#socket.writable && this.#error === undefined
  }

  /** Assigns a request while the connection is being opened; if that fails, so does the request. */
  reserve({ body }: ClientRequest, handler: RequestHandler): void {
    this.#handler = handler
    if (isStream(body)) this.#stream = body
  }

  /** Sends a request on a reused connection. @param nowMs monotonic */
  sendAgain(request: ClientRequest, handler: RequestHandler, nowMs: number): void {
    this.#resendable = request
    this.#sentMs = nowMs
    this.send(request, handler)
  }

  send(request: ClientRequest, handler: RequestHandler): void {
    this.#handler = handler
    this.#keepsAlive = true
    this.#isLarge = false
    this.#mayEndByReset = false
    const { body } = request
    const isChunked = isStream(body) && !namesLength(request)
    const bodyBytes = isChunked ? 'chunked' : isStream(body) ? undefined : body === null ? 0 : bytesOf(body)
    let head: HeadParts
    try {
      head = requestHead(request, this.#host, bodyBytes)
    } catch (error) {
      this.#handler = undefined
      this.#resendable = undefined
      this.#stream = undefined
      if (isStream(body)) body.destroy()
      this.#owner.released(this, undefined)
      throw error
    }
    handler.onConnect(this.#abort)
    // The handler may abort at once, if the request was cancelled while it waited.
    if (this.#handler !== handler) {
      if (isStream(body)) body.destroy()
      return
    }
    this.#reader.begin(request.method)
    if (isStream(body)) this.#sendStream(head, body, isChunked)
    else this.#sendBytes(head, body)
  }

  /** Closes an idle connection. */
  close(): void {
    this.#socket.destroy()
  }

  /** Closes the connection and fails the request in flight. */
  destroy(error: Error): void {
    this.#fail(error)
  }

  // Called by the reader

  head(head: ResponseHead): void {
    this.#keepsAlive = head.keepsAlive
    this.#keepAliveSeconds = head.keepAliveSeconds
    // When a server closes without reading the whole request, its kernel resets the connection.
    this.#mayEndByReset = head.framing === 'until-close' && head.statusCode >= 400
    this.#handler?.onHeaders(head.statusCode, head.headers, this.#resume)
  }

  data(data: Buffer): void {
    if (this.#handler?.onData(data) === false) this.#isPaused = true
  }

  end(isClean: boolean): void {
    const handler = this.#handler
    this.#handler = undefined
    // The last chunk may have paused reading. Over TLS it may even arrive after a pause: Node emits everything that one
    // read decrypted.
    this.#resume()
    if (!isClean || !this.#keepsAlive || this.#stream !== undefined) this.#socket.destroy()
    // A small request went out in one write, long before its response.
    else if (!this.#isLarge || this.#socket.writableLength === 0) this.#release()
    // Over TLS, Node calls a write back up to two event-loop turns after its bytes have left; it holds a copy of the
    // body.
    else if (this.#isTls) setImmediate(() => setImmediate(() => this.#releaseIfWritten()))
    // The response arrived before the request was written. The caller may reuse the memory of the body from now on.
    else this.#socket.destroy()
    handler?.onComplete()
  }

  #release(): void {
    this.#owner.released(this, this.#keepAliveSeconds)
  }

  #releaseIfWritten(): void {
    if (this.#socket.writableLength > 0) this.#socket.destroy()
    else if (this.#isOpen) this.#release()
  }

  #sendBytes(head: HeadParts, body: BodyBytes | null): void {
    const bodyBytes = body === null ? 0 : bytesOf(body)
    if (body === null || bodyBytes === 0) {
      this.#writeHead(head)
    } else if (head.bytes + bodyBytes <= maxSharedBytes) {
      // One write instead of two takes a microsecond less.
      const start = outgoingBytes.begin(head.bytes + bodyBytes)
      let end = writeHead(outgoingBytes.memory, start, head)
      for (const piece of piecesOf(body)) end += piece.copy(outgoingBytes.memory, end)
      outgoingBytes.write(this.#socket, start, end)
      this.#handler?.onBodyWritten?.()
    } else {
      this.#writeLarge()
      this.#socket.cork()
      this.#writeHead(head)
      const pieces = piecesOf(body)
      for (let at = 0; at < pieces.length - 1; at++) this.#socket.write(pieces[at] ?? noBytes)
      this.#socket.write(pieces.at(-1) ?? noBytes, this.#bodyWritten)
      this.#socket.uncork()
    }
  }

  #writeHead(head: HeadParts): void {
    const start = outgoingBytes.begin(head.bytes)
    outgoingBytes.write(this.#socket, start, writeHead(outgoingBytes.memory, start, head))
  }

  #sendStream(head: HeadParts, body: Readable, isChunked: boolean): void {
    this.#stream = body
    // The stream had no listeners while the connection was being opened.
    if (body.destroyed) {
      this.#fail(body.errored ?? bodyEndedError())
      return
    }
    this.#writeLarge()
    this.#writeHead(head)
    body.on('error', (error) => {
      if (this.#stream === body) this.#fail(error)
    })
    body.once('end', () => {
      if (this.#stream === body) this.#stream = undefined
    })
    body.once('close', () => {
      if (this.#stream === body) this.#fail(bodyEndedError())
    })
    const sent = isChunked ? body.pipe(new ChunkEncoder()) : body
    sent.pipe(this.#socket, { end: false })
  }

  #writeLarge(): void {
    this.#isLarge = true
    if (this.#writesPatiently) return
    this.#writesPatiently = true
    readOnAfterFailedWrites(this.#socket, (error) => {
      this.#error ??= error
    })
  }

  /** @returns whether to continue reading */
  #read(bytes: number): boolean {
    this.#resendable = undefined
    try {
      this.#reader.push(readBuffer, bytes)
    } catch (error) {
      // Also catches errors that a handler throws: they fail one request, not the process.
      this.#fail(error)
      return false
    }
    return !this.#isPaused
  }

  #otherSideEnded(): void {
    try {
      this.#keepsAlive = false
      this.#reader.close()
    } catch (error) {
      this.#lost(this.#error ?? error)
    }
    this.#socket.destroy()
  }

  #closed(): void {
    this.#owner.ended(this)
    this.#lost(this.#error ?? closedError())
  }

  /** Handles a connection that the server closed. */
  #lost(error: unknown): void {
    if (this.#mayEndByReset) {
      this.#mayEndByReset = false
      this.#reader.close()
      return
    }
    const request = this.#resendable
    const handler = this.#handler
    const isStale = request !== undefined && this.#clock.monotonicMs() - this.#sentMs <= staleWithinMs
    if (isStale) this.#handler = undefined
    this.#fail(error)
    if (isStale && handler !== undefined) this.#owner.stale(request, handler)
  }

  #fail(error: unknown): void {
    const handler = this.#handler
    this.#handler = undefined
    this.#resendable = undefined
    this.#reader.stop()
    this.#stream?.destroy()
    this.#stream = undefined
    this.#socket.destroy()
    handler?.onError(error)
  }
}

function bodyEndedError(): Http1Error {
  return new Http1Error('ERR_HTTP1_CLOSED', 'the body ended too soon')
}

function closedError(): Http1Error {
  return new Http1Error('ERR_HTTP1_CLOSED', 'the connection ended before the answer did')
}
