import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { Clock } from '../../../kernel/clock.ts'
import { type ConnectOptions, openSocket } from '../connect.ts'
import { type ClientRequest, isStream, type RequestHandler, staleWithinMs } from '../contract.ts'
import { Http1Error } from '../errors.ts'
import { readOnAfterFailedWrites } from '../patient-writes.ts'
import { requestHead } from './request-head.ts'
import type { ResponseHead } from './response-head.ts'
import { type AnswerListener, ResponseReader } from './response-reader.ts'

export interface ConnectionOwner {
  /** It can carry another request. @param keepAliveSeconds how long its server says it waits for one */
  released(connection: Connection, keepAliveSeconds: number | undefined): void
  /** It has ended. */
  ended(connection: Connection): void
  /** It was reused, and ended before a byte of the answer came: the request needs a fresh connection. */
  stale(request: ClientRequest, handler: RequestHandler): void
}

/**
 * What every read of a thread goes into: reads follow one another, and what is kept of them is copied. So open
 * streams that say nothing hold no memory for what they might say.
 */
const readBuffer = Buffer.allocUnsafeSlow(65_536)
/** So much goes out as one text, which Node writes without memory of its own; two pieces cost a microsecond more. */
const textBytes = 16_384
/** One connection to a server, with one request on it at a time. */
export class Connection implements AnswerListener {
  /** Until when it may be used while it is idle; monotonic milliseconds. */
  idleUntilMs = 0
  readonly #owner: ConnectionOwner
  readonly #host: string
  readonly #clock: Clock
  readonly #isTls: boolean
  readonly #socket: Socket
  readonly #reader = new ResponseReader(this)
  #handler: RequestHandler | undefined
  #stream: Readable | undefined
  /** The request that goes to a fresh connection if this one, which is reused, ends before a byte of its answer. */
  #resendable: ClientRequest | undefined
  #sentMs = 0
  /** Whether the body goes out in several writes: the answer may come before the last. */
  #isLarge = false
  /** Whether a reset ends the answer as well as FIN does. */
  #mayEndByReset = false
  #writesPatiently = false
  #keepAliveSeconds: number | undefined
  #keepsAlive = true
  #isPaused = false
  #error: Error | undefined
  // The same functions for all its requests.
  readonly #abort = (error?: Error): void => this.#fail(error ?? closedError())
  // An answer that comes before all of its request is written ends the connection: this is of the same request.
  readonly #bodyWritten = (error?: Error | null): void => {
    if (error === undefined || error === null) this.#handler?.onBodyWritten?.()
  }
  readonly #resume = (): void => {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#socket.resume()
  }

  /** @param host for `Host` */
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

  /** Takes a request while the connection is being made: it fails with it. */
  reserve({ body }: ClientRequest, handler: RequestHandler): void {
    this.#handler = handler
    if (isStream(body)) this.#stream = body
  }

  /** Sends a request on a connection that has carried others. @param nowMs monotonic */
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
    const bodyBytes = isStream(body) ? undefined : (body?.length ?? 0)
    let head: string
    try {
      head = requestHead({ ...request, bodyBytes }, this.#host)
    } catch (error) {
      this.#handler = undefined
      this.#resendable = undefined
      this.#stream = undefined
      if (isStream(body)) body.destroy()
      this.#owner.released(this, undefined)
      throw error
    }
    handler.onConnect(this.#abort)
    // The request that was waiting may have left, and has aborted.
    if (this.#handler !== handler) {
      if (isStream(body)) body.destroy()
      return
    }
    this.#reader.begin(request.method)
    if (isStream(body)) this.#sendStream(head, body)
    else this.#sendBytes(head, body)
  }

  /** Ends an idle connection. */
  close(): void {
    this.#socket.destroy()
  }

  /** Ends it, and with it what is under way. */
  destroy(error: Error): void {
    this.#fail(error)
  }

  // What the reader tells

  head(head: ResponseHead): void {
    this.#keepsAlive = head.keepsAlive
    this.#keepAliveSeconds = head.keepAliveSeconds
    // A server that refuses a request without reading it makes its kernel reset the connection when it closes.
    this.#mayEndByReset = head.framing === 'until-close' && head.statusCode >= 400
    this.#handler?.onHeaders(head.statusCode, head.headers, this.#resume)
  }

  data(data: Buffer): void {
    if (this.#handler?.onData(data) === false) this.#isPaused = true
  }

  end(isClean: boolean): void {
    const handler = this.#handler
    this.#handler = undefined
    // The last piece may have been more than the handler could take at once. Over TLS it may also have come when
    // reading had stopped already: Node hands on all that one read has brought.
    this.#resume()
    if (!isClean || !this.#keepsAlive || this.#stream !== undefined) this.#socket.destroy()
    // A small request went out in one write, long before its answer.
    else if (!this.#isLarge || this.#socket.writableLength === 0) this.#release()
    // Over TLS a write is called back up to two turns after its bytes have left; of the body it has a copy.
    else if (this.#isTls) setImmediate(() => setImmediate(() => this.#releaseIfWritten()))
    // The answer came before all of the request was sent. The caller may reuse the memory of the body from now on.
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

  #sendBytes(head: string, body: Buffer | null): void {
    if (body === null || body.length === 0) {
      this.#socket.write(head, 'latin1')
    } else if (head.length + body.length <= textBytes) {
      this.#socket.write(head + body.toString('latin1'), 'latin1')
      this.#handler?.onBodyWritten?.()
    } else {
      this.#writeLarge()
      this.#socket.cork()
      this.#socket.write(head, 'latin1')
      this.#socket.write(body, this.#bodyWritten)
      this.#socket.uncork()
    }
  }

  #sendStream(head: string, body: Readable): void {
    this.#stream = body
    // While the connection was being made nothing was listening.
    if (body.destroyed) {
      this.#fail(body.errored ?? bodyEndedError())
      return
    }
    this.#writeLarge()
    this.#socket.write(head, 'latin1')
    body.on('error', (error) => {
      if (this.#stream === body) this.#fail(error)
    })
    body.once('end', () => {
      if (this.#stream === body) this.#stream = undefined
    })
    body.once('close', () => {
      if (this.#stream === body) this.#fail(bodyEndedError())
    })
    body.pipe(this.#socket, { end: false })
  }

  #writeLarge(): void {
    this.#isLarge = true
    if (this.#writesPatiently) return
    this.#writesPatiently = true
    readOnAfterFailedWrites(this.#socket, (error) => {
      this.#error ??= error
    })
  }

  /** @returns whether to read on */
  #read(bytes: number): boolean {
    this.#resendable = undefined
    try {
      this.#reader.push(readBuffer, bytes)
    } catch (error) {
      // Also what a handler has thrown: one request fails, not the process.
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

  /** The other side has ended the connection. */
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
