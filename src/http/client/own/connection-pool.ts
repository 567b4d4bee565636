import type { Timer } from '../../../kernel/clock.ts'
import type { ConnectOptions } from '../connect.ts'
import {
  type ClientPool,
  type ClientPoolOptions,
  type ClientRequest,
  closeAheadMs,
  defaultIdleMs,
  maxAgeMs,
  maxIdleMs,
  type RequestHandler,
  sameAgain,
} from '../contract.ts'
import { Http1Error } from '../errors.ts'
import { IdleConnections } from '../idle-connections.ts'
import { Connection, type ConnectionOwner } from './connection.ts'
import { publishing } from './diagnostics.ts'

/** The connections of the gateway's own client to one server. */
export class ConnectionPool implements ClientPool, ConnectionOwner {
  readonly #options: ClientPoolOptions
  readonly #origin: URL
  readonly #maxAgeMs: number
  readonly #all = new Set<Connection>()
  readonly #idle = new IdleConnections<Connection>(({ request, handler }) => {
    try {
      if (this.#isClosed) throw closingError()
      this.#sendNow(request, handler, this.#options.clock.monotonicMs())
    } catch (error) {
      handler.onError(error)
    }
  })
  #tlsSession: Buffer | undefined
  #timer: Timer | undefined
  #isClosed = false
  #isRetired = false

  constructor(options: ClientPoolOptions) {
    this.#options = options
    this.#origin = new URL(options.origin)
    this.#maxAgeMs = maxAgeMs(this.#origin)
  }

  /** Number of connections, including those that are being opened. */
  get size(): number {
    return this.#all.size
  }

  /** @throws Http1Error `ERR_HTTP1_INVALID_REQUEST` */
  send(request: ClientRequest, handler: RequestHandler): void {
    if (this.#isClosed) throw closingError()
    const published = publishing(this.#origin.origin, request, handler)
    const nowMs = this.#options.clock.monotonicMs()
    if (!this.#idle.defer(request, published, nowMs)) this.#sendNow(request, published, nowMs)
  }

  /**
   * Retries a request that crossed the close of an idle connection on a fresh one: the server has sent no byte of a
   * response, and other idle connections may be closed too (RFC 9112 section 9.3.1). A fresh connection cannot be
   * stale, so this happens at most once per request.
   */
  stale(request: ClientRequest, handler: RequestHandler): void {
    this.#idle.metEnd(this.#options.clock.monotonicMs())
    const again = this.#isClosed ? undefined : sameAgain(request)
    if (again === undefined) handler.onError(new Http1Error('ERR_HTTP1_STALE', 'a kept connection had ended'))
    else this.#open(again, handler)
  }

  /** Closes the idle connections. */
  closeIdle(): void {
    this.#idle.close(() => true)
  }

  retire(): void {
    this.#isRetired = true
    this.closeIdle()
  }

  /** Closes all connections; requests in flight fail. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    for (const connection of [...this.#all]) connection.destroy(closingError())
  }

  released(connection: Connection, keepAliveSeconds: number | undefined): void {
    const { clock } = this.#options
    const announcedMs =
      keepAliveSeconds === undefined ? defaultIdleMs : keepAliveSeconds * 1_000 - closeAheadMs
    const keptMs = Math.min(announcedMs, maxIdleMs)
    const nowMs = clock.monotonicMs()
    if (keptMs <= 0 || nowMs >= connection.replaceAtMs || this.#isClosed || this.#isRetired) {
      connection.close()
      return
    }
    connection.idleUntilMs = nowMs + keptMs
    this.#idle.add(connection)
    this.#timer ??= this.#sweepLater()
  }

  ended(connection: Connection): void {
    this.#all.delete(connection)
    this.#idle.remove(connection)
    this.#options.onChange?.()
  }

  #sendNow(request: ClientRequest, handler: RequestHandler, nowMs: number): void {
    const connection = this.#idle.take()
    if (connection === undefined) this.#open(request, handler)
    else connection.sendAgain(request, handler, nowMs)
  }

  #open(request: ClientRequest, handler: RequestHandler): void {
    const { connectMs, tlsMs, tcpKeepAliveMs, clock } = this.#options
    const options: Omit<ConnectOptions, 'onread'> = {
      origin: this.#origin,
      connectMs,
      tlsMs,
      clock,
      keepAliveMs: tcpKeepAliveMs,
      tlsSession: this.#tlsSession,
      onTlsSession: (session) => {
        this.#tlsSession = session
      },
    }
    const connection = new Connection(this, options, this.#origin.host, (ready) => {
      try {
        ready.send(request, handler)
      } catch (error) {
        handler.onError(error)
      }
    })
    connection.replaceAtMs = clock.monotonicMs() + this.#maxAgeMs
    connection.reserve(request, handler)
    this.#all.add(connection)
    this.#options.onChange?.()
  }

  #sweepLater(): Timer {
    return this.#options.clock.after(closeAheadMs, () => {
      const nowMs = this.#options.clock.monotonicMs()
      this.#idle.close(({ idleUntilMs }) => idleUntilMs <= nowMs)
      this.#timer = this.#idle.size > 0 ? this.#sweepLater() : undefined
    })
  }
}

function closingError(): Http1Error {
  return new Http1Error('ERR_HTTP1_CLOSED', 'the gateway is closing')
}
