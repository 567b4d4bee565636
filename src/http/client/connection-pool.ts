import type { Timer } from '../../kernel/clock.ts'
import type { ConnectOptions } from './connect.ts'
import { Connection, type ConnectionOwner } from './connection.ts'
import {
  type ClientPool,
  type ClientPoolOptions,
  type ClientRequest,
  closeAheadMs,
  defaultIdleMs,
  maxIdleMs,
  type RequestHandler,
  sameAgain,
} from './contract.ts'
import { publishing } from './diagnostics.ts'
import { Http1Error } from './errors.ts'

/**
 * The connections to one server. A request gets the one that was idle for the shortest time, else a new one;
 * nothing waits here for another request's end.
 */
export class ConnectionPool implements ClientPool, ConnectionOwner {
  readonly #options: ClientPoolOptions
  readonly #origin: URL
  readonly #all = new Set<Connection>()
  readonly #idle: Connection[] = []
  #tlsSession: Buffer | undefined
  #timer: Timer | undefined
  #isClosed = false

  constructor(options: ClientPoolOptions) {
    this.#options = options
    this.#origin = new URL(options.origin)
  }

  /** Connections, those that are being made among them. */
  get size(): number {
    return this.#all.size
  }

  /** @throws Http1Error `ERR_HTTP1_INVALID_REQUEST` */
  send(request: ClientRequest, handler: RequestHandler): void {
    if (this.#isClosed) throw new Http1Error('ERR_HTTP1_CLOSED', 'the gateway is closing')
    const nowMs = this.#options.clock.monotonicMs()
    const published = publishing(this.#origin.origin, request, handler)
    const connection = this.#takeIdle(nowMs)
    if (connection === undefined) this.#open(request, published)
    else connection.sendAgain(request, published, nowMs)
  }

  /**
   * A request that crossed the end of an idle connection goes out once more, on a connection of its own: the server
   * has sent no byte of an answer, and others that are idle may have ended as well (RFC 9112 section 9.3.1). One that
   * is fresh cannot be stale, so this happens at most once.
   */
  stale(request: ClientRequest, handler: RequestHandler): void {
    const again = this.#isClosed ? undefined : sameAgain(request)
    if (again === undefined) handler.onError(new Http1Error('ERR_HTTP1_STALE', 'a kept connection had ended'))
    else this.#open(again, handler)
  }

  /** Ends those that carry nothing now. */
  closeIdle(): void {
    for (const connection of this.#idle.splice(0)) connection.close()
  }

  /** Ends all connections; what is under way fails. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    for (const connection of [...this.#all])
      connection.destroy(new Http1Error('ERR_HTTP1_CLOSED', 'the gateway is closing'))
  }

  released(connection: Connection, keepAliveSeconds: number | undefined): void {
    const { clock } = this.#options
    const toldMs = keepAliveSeconds === undefined ? defaultIdleMs : keepAliveSeconds * 1_000 - closeAheadMs
    const keptMs = Math.min(toldMs, maxIdleMs)
    if (keptMs <= 0 || this.#isClosed) {
      connection.close()
      return
    }
    connection.idleUntilMs = clock.monotonicMs() + keptMs
    this.#idle.push(connection)
    this.#timer ??= this.#sweepLater()
  }

  ended(connection: Connection): void {
    this.#all.delete(connection)
    const at = this.#idle.indexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
    this.#options.onChange?.()
  }

  #takeIdle(nowMs: number): Connection | undefined {
    for (;;) {
      const connection = this.#idle.pop()
      if (connection === undefined) return undefined
      if (connection.isUsable && connection.idleUntilMs > nowMs) return connection
      connection.close()
    }
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
    connection.reserve(request, handler)
    this.#all.add(connection)
    this.#options.onChange?.()
  }

  #sweepLater(): Timer {
    return this.#options.clock.after(closeAheadMs, () => {
      const nowMs = this.#options.clock.monotonicMs()
      const over = this.#idle.filter(({ idleUntilMs }) => idleUntilMs <= nowMs)
      for (const connection of over) {
        this.#idle.splice(this.#idle.indexOf(connection), 1)
        connection.close()
      }
      this.#timer = this.#idle.length > 0 ? this.#sweepLater() : undefined
    })
  }
}
