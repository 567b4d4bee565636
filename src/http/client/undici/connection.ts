import type { Socket } from 'node:net'
import { Client, type Dispatcher } from 'undici'
import { bytesOf, wholeOf } from '../../../kernel/memory/body-bytes.ts'
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
  // The gateway has its own deadlines for each stage; undici's would end a long generation.
  headersTimeout: 0,
  bodyTimeout: 0,
  keepAliveTimeout: defaultIdleMs,
  keepAliveMaxTimeout: maxIdleMs,
  keepAliveTimeoutThreshold: closeAheadMs,
  maxHeaderSize: maxHeadBytes,
}

/** Smaller bodies are reported as written when the response arrives, which is free. */
const largeBytes = 65_536
const lengthMismatch = 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
/** Error codes of undici and Node for a connection that the server closed. */
const endings: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'UND_ERR_SOCKET'])

/** A dispatch option that undici accepts but its types omit. */
interface DispatchOptions extends Dispatcher.DispatchOptions {
  /** Server name for TLS. Without it undici uses the `Host` header and reconnects when that changes. */
  readonly servername: string
}

/** The pool as its connections see it. */
export interface ConnectionOwner {
  readonly origin: URL
  /** Monotonic milliseconds. */
  nowMs(): number
  /** @param ready called when the socket can carry requests */
  openSocket(ready: () => void): Socket
  /** The connection can carry another request. */
  released(connection: UndiciConnection): void
  ended(connection: UndiciConnection): void
  /** The request found its idle connection closed before the first byte of the response. */
  stale(request: ClientRequest, handler: RequestHandler): void
}

/**
 * One connection to a server as an undici `Client`, and the handler of each request on it. It carries one request at a
 * time, so requests need no handler object of their own.
 */
export class UndiciConnection implements Dispatcher.DispatchHandler {
  /** When a new connection takes its place; monotonic milliseconds. */
  replaceAtMs = Number.POSITIVE_INFINITY
  readonly #pool: ConnectionOwner
  readonly #client: Client
  #socket: Socket | undefined
  /** The error of the socket, as Node reports it. */
  #socketError: NodeJS.ErrnoException | undefined
  #request: ClientRequest | undefined
  #handler: RequestHandler | undefined
  /** Whether the connection has completed a request. */
  #isReused = false
  #isDispatching = false
  /** Set if undici refuses to write a request. */
  #invalid: Http1Error | undefined
  /** Whether the end of the body's write has been reported or will be. */
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
      // undici does not change the headers; its type lacks `readonly`.
      headers: request.headers as string[],
      body: request.body === null || isStream(request.body) ? request.body : wholeOf(request.body),
      servername: this.#pool.origin.hostname,
    }
    this.#invalid = undefined
    this.#isDispatching = true
    this.#client.dispatch(options, this)
    this.#isDispatching = false
    if (this.#invalid !== undefined) throw this.#invalid
  }

  /** Closes an idle connection. */
  close(): void {
    this.destroy(null)
  }

  /** Closes the connection and fails the request in flight. */
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
      // undici closes the connection when reading ends.
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
    // undici opens another connection for a request that it has not written yet.
    if (this.#handler === undefined) this.close()
  }

  // Called by undici

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#isWritten = false
    const { body = null } = this.#request ?? {}
    const isLarge = body !== null && !isStream(body) && bytesOf(body) >= largeBytes
    // undici writes the request when this method returns.
    if (isLarge) process.nextTick(() => this.#reportWrittenBody())
    this.#handler?.onConnect((error = new Error('aborted')) => controller.abort(error))
  }

  /** The first byte of a response has arrived. */
  onResponseStarted(): void {
    this.#hasAnswer = true
  }

  onResponseStart(controller: Dispatcher.DispatchController, statusCode: number): void {
    if (statusCode < 200) {
      if (++this.#interimAnswers > maxInterimAnswers) throw invalidResponse('too many interim answers')
      return
    }
    // undici accepts any three digits, but a status outside all classes is invalid (RFC 9110 section 15).
    if (statusCode > 599) throw invalidResponse('status outside all classes')
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
    // For a response without a length, undici treats a reset as the end of the body. That is right for a rejection
    // only: when a server closes without reading the request, its kernel resets the connection.
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
    // A length does not announce a body here (RFC 9110 section 8.6), but undici 7 waits for one.
    else if (this.#statusCode === 204 || this.#statusCode === 304) handler.onComplete()
    // undici reports this error for any head that it cannot parse after a length.
    else handler.onError(this.#statusCode === 0 ? invalidResponse('malformed response head') : error)
  }

  /** undici has not written the invalid request, so the connection can carry another. */
  #refused(cause: Error): void {
    this.#invalid = new Http1Error('ERR_HTTP1_INVALID_REQUEST', cause.message)
    if (this.isUsable) this.#pool.released(this)
    else this.close()
  }

  /** Whether a reused connection closed before the first byte of the response. */
  #wasStale(error: NodeJS.ErrnoException): boolean {
    if (!this.#isReused || this.#hasAnswer || !endings.has(error.code)) return false
    return this.#pool.nowMs() - this.#sentMs <= staleWithinMs
  }

  #reportWrittenBody(): void {
    const handler = this.#handler
    const socket = this.#socket
    const { body = null } = this.#request ?? {}
    if (this.#isWritten || body === null || isStream(body) || socket === undefined) return
    this.#isWritten = true
    if (socket.writableLength === 0) handler?.onBodyWritten?.()
    // Called back after the body is written.
    else
      socket.write('', (error) => {
        const isOver = this.#handler !== handler
        if (!isOver && (error === undefined || error === null)) handler?.onBodyWritten?.()
      })
  }

  /**
   * Releases the connection. The caller may reuse the memory of the body from now on, so a connection that still sends
   * it is closed.
   */
  #release(socket: Socket): void {
    if (socket.writableLength === 0) this.#pool.released(this)
    else if (this.#pool.origin.protocol !== 'https:') socket.destroy()
    // Over TLS, Node calls a write back up to two event-loop turns after its bytes have left; it holds a copy of the
    // body.
    else setImmediate(() => setImmediate(() => this.#releaseIfWritten(socket)))
  }

  #releaseIfWritten(socket: Socket): void {
    if (socket.writableLength > 0) socket.destroy()
    else if (!socket.destroyed) this.#pool.released(this)
  }
}

/**
 * Names and values as received; undici's headers object would join repeated fields.
 * @throws Http1Error if the body has a transfer coding other than chunked, since the client would not learn whether
 * undici decoded it
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
