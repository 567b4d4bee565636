import type { Socket } from 'node:net'
import { Client, type Dispatcher } from 'undici'
import {
  type ClientRequest,
  closeAheadMs,
  defaultIdleMs,
  isStream,
  maxHeadBytes,
  maxIdleMs,
  maxInterimAnswers,
  type RequestHandler,
  staleWithinMs,
} from '../contract.ts'
import { Http1Error, invalidResponse } from '../errors.ts'
import { readOnAfterFailedWrites } from '../patient-writes.ts'
import { readPastContinue } from './unasked-continue.ts'

const clientOptions: Omit<Client.Options, 'connect'> = {
  pipelining: 1,
  // The gateway has deadlines of its own for each stage; undici's would end a long generation.
  headersTimeout: 0,
  bodyTimeout: 0,
  keepAliveTimeout: defaultIdleMs,
  keepAliveMaxTimeout: maxIdleMs,
  keepAliveTimeoutThreshold: closeAheadMs,
  maxHeaderSize: maxHeadBytes,
}

/** A smaller body is reported as written when its answer comes, which costs nothing. */
const largeBytes = 65_536
const lengthMismatch = 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
/** How undici and Node name a connection that the other side has ended. */
const endings: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'UND_ERR_SOCKET'])

/** undici takes this of a request, and its types leave it out. */
interface DispatchOptions extends Dispatcher.DispatchOptions {
  /** The name for TLS. Without it undici takes the `Host` header and reconnects when that changes. */
  readonly servername: string
}

/** The pool as its connections see it. */
export interface ConnectionOwner {
  readonly origin: URL
  /** Milliseconds of the monotonic clock. */
  nowMs(): number
  /** @param ready called when the socket can carry requests */
  openSocket(ready: () => void): Socket
  /** A connection can carry another request. */
  released(connection: UndiciConnection): void
  ended(connection: UndiciConnection): void
  /** A request met the end of an idle connection before a byte of its answer. */
  stale(request: ClientRequest, handler: RequestHandler): void
}

/**
 * One connection to a server as an undici `Client`, and the handler of each request on it: one at a time, so that a
 * request needs no handler object of its own.
 */
export class UndiciConnection implements Dispatcher.DispatchHandler {
  readonly #pool: ConnectionOwner
  readonly #client: Client
  #socket: Socket | undefined
  /** Why the socket ended, as Node reports it. */
  #socketError: NodeJS.ErrnoException | undefined
  #request: ClientRequest | undefined
  #handler: RequestHandler | undefined
  /** Whether the connection has carried a request to its end. */
  #isReused = false
  #isDispatching = false
  /** Set where undici refuses to write a request. */
  #invalid: Http1Error | undefined
  /** Whether the end of the body's writing was reported, or will be. */
  #isWritten = false
  #hasAnswer = false
  #sentMs = 0
  #statusCode = 0
  #interimAnswers = 0
  #hasEnded = false

  constructor(pool: ConnectionOwner) {
    this.#pool = pool
    this.#client = new Client(pool.origin, {
      ...clientOptions,
      connect: (_target, callback) => this.#connect(callback),
    })
    this.#client.on('disconnect', () => this.#disconnected())
    this.#client.on('connectionError', () => this.close())
  }

  get isUsable(): boolean {
    return this.#socket?.destroyed === false
  }

  /** @throws Http1Error `ERR_HTTP1_INVALID_REQUEST` */
  send(request: ClientRequest, handler: RequestHandler): void {
    this.#request = request
    this.#handler = handler
    this.#hasAnswer = false
    this.#statusCode = 0
    this.#interimAnswers = 0
    if (this.#isReused) this.#sentMs = this.#pool.nowMs()
    const options: DispatchOptions = {
      method: request.method as Dispatcher.HttpMethod,
      path: request.path,
      // undici does not change them; its type has no readonly.
      headers: request.headers as string[],
      body: request.body,
      servername: this.#pool.origin.hostname,
    }
    this.#invalid = undefined
    this.#isDispatching = true
    this.#client.dispatch(options, this)
    this.#isDispatching = false
    if (this.#invalid !== undefined) throw this.#invalid
  }

  /** Ends an idle connection. */
  close(): void {
    this.destroy(null)
  }

  /** Ends it, and with it what is under way. */
  destroy(error: Error | null): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#client.destroy(error, ignore)
    this.#pool.ended(this)
  }

  #connect(
    callback: (...result: [error: Error, socket: null] | [error: null, socket: Socket]) => void,
  ): void {
    const failed = (error: Error) => callback(error, null)
    const socket = this.#pool.openSocket(() => {
      socket.off('error', failed)
      socket.on('error', (error) => {
        this.#socketError ??= error
      })
      // undici ends the connection when reading ends.
      readOnAfterFailedWrites(socket, ignore)
      readPastContinue(socket, () => this.#statusCode === 0)
      this.#socket = socket
      this.#socketError = undefined
      this.#isReused = false
      callback(null, socket)
    })
    socket.once('error', failed)
  }

  #disconnected(): void {
    // For a request that it has not written yet undici opens another connection.
    if (this.#handler === undefined) this.close()
  }

  // Called by undici

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#isWritten = false
    const { body } = this.#request ?? {}
    // undici writes the request when this returns.
    if (Buffer.isBuffer(body) && body.length >= largeBytes) process.nextTick(() => this.#reportWrittenBody())
    this.#handler?.onConnect((error = new Error('aborted')) => controller.abort(error))
  }

  /** The first byte of an answer has come. */
  onResponseStarted(): void {
    this.#hasAnswer = true
  }

  onResponseStart(controller: Dispatcher.DispatchController, statusCode: number): void {
    if (statusCode < 200) {
      if (++this.#interimAnswers > maxInterimAnswers) throw invalidResponse('too many interim answers')
      return
    }
    // undici takes any three digits; of no class the status is invalid (RFC 9110 section 15).
    if (statusCode > 599) throw invalidResponse('status of no class')
    this.#statusCode = statusCode
    const headers = headersOf(controller.rawHeaders)
    this.#reportWrittenBody()
    this.#handler?.onHeaders(statusCode, headers, () => controller.resume())
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#handler?.onData(chunk) === false) controller.pause()
  }

  onResponseEnd(): void {
    const handler = this.#handler
    this.#request = undefined
    this.#handler = undefined
    // undici takes a reset for the end of any answer that the end of its connection ends. Behind a refusal it is one:
    // a server that closes without reading the request makes its kernel reset the connection.
    if (this.#socketError !== undefined && this.#statusCode < 400) {
      handler?.onError(this.#socketError)
      return
    }
    this.#isReused = true
    if (this.#socket?.destroyed === false) this.#release(this.#socket)
    handler?.onComplete()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: NodeJS.ErrnoException): void {
    const request = this.#request
    const handler = this.#handler
    this.#request = undefined
    this.#handler = undefined
    if (request === undefined || handler === undefined) return
    if (isStream(request.body)) request.body.destroy()
    if (this.#isDispatching && error.code === 'UND_ERR_INVALID_ARG') this.#refused(error)
    else if (this.#wasStale(error)) this.#pool.stale(request, handler)
    else if (error.code !== lengthMismatch) handler.onError(error)
    // A length is no sign of a body here (RFC 9110 section 8.6); undici 7 waits for one.
    else if (this.#statusCode === 204 || this.#statusCode === 304) handler.onComplete()
    // undici names any head so that it cannot read behind a length.
    else handler.onError(this.#statusCode === 0 ? invalidResponse('malformed response head') : error)
  }

  /** undici has not written a request that is not valid: the connection can carry another. */
  #refused(cause: Error): void {
    this.#invalid = new Http1Error('ERR_HTTP1_INVALID_REQUEST', cause.message)
    if (this.isUsable) this.#pool.released(this)
    else this.close()
  }

  /** Whether the request met the end of a connection that had served before, and no byte of an answer came. */
  #wasStale(error: NodeJS.ErrnoException): boolean {
    if (!this.#isReused || this.#hasAnswer || !endings.has(error.code)) return false
    return this.#pool.nowMs() - this.#sentMs <= staleWithinMs
  }

  #reportWrittenBody(): void {
    const handler = this.#handler
    const socket = this.#socket
    if (this.#isWritten || !Buffer.isBuffer(this.#request?.body) || socket === undefined) return
    this.#isWritten = true
    if (socket.writableLength === 0) handler?.onBodyWritten?.()
    // Called back behind the body.
    else
      socket.write('', (error) => {
        const isOver = this.#handler !== handler
        if (!isOver && (error === undefined || error === null)) handler?.onBodyWritten?.()
      })
  }

  /** The caller may reuse the memory of the body from now on: a connection that still sends it is of no more use. */
  #release(socket: Socket): void {
    if (socket.writableLength === 0) this.#pool.released(this)
    else if (this.#pool.origin.protocol !== 'https:') socket.destroy()
    // Over TLS a write is called back up to two turns after its bytes have left; of the body it has a copy.
    else setImmediate(() => setImmediate(() => this.#releaseIfWritten(socket)))
  }

  #releaseIfWritten(socket: Socket): void {
    if (socket.writableLength > 0) socket.destroy()
    else if (!socket.destroyed) this.#pool.released(this)
  }
}

/**
 * Names and values as they came; undici's object of headers would join those that repeat.
 * @throws Http1Error where the body is in a coding that the client would not be told of: undici takes it off or not
 */
function headersOf(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  const headers: string[] = []
  if (!Array.isArray(raw)) return headers
  let codings = 0
  for (let at = 0; at < raw.length; at += 2) {
    const name = latin1(raw[at])
    const value = latin1(raw[at + 1])
    if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      codings++
      if (codings > 1 || value.toLowerCase() !== 'chunked') throw invalidResponse('unknown Transfer-Encoding')
    }
    headers.push(name, value)
  }
  return headers
}

function latin1(bytes: Buffer | string | undefined): string {
  return typeof bytes === 'string' ? bytes : (bytes?.toString('latin1') ?? '')
}

function ignore(): void {}
