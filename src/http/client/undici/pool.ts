import type { Socket } from 'node:net'
import { openSocket } from '../connect.ts'
import {
  type ClientPool,
  type ClientPoolOptions,
  type ClientRequest,
  maxAgeMs,
  type RequestHandler,
  sameAgain,
} from '../contract.ts'
import { Http1Error } from '../errors.ts'
import { IdleConnections } from '../idle-connections.ts'
import { type ConnectionOwner, UndiciConnection } from './connection.ts'

/**
 * The connections to one server, each an undici `Client`. For each request undici's own `Pool` searches all of its
 * clients for a free one, and it cannot send a request on a connection that is certainly fresh.
 */
export class UndiciPool implements ClientPool, ConnectionOwner {
  readonly origin: URL
  readonly #options: ClientPoolOptions
  readonly #maxAgeMs: number
  readonly #all = new Set<UndiciConnection>()
  readonly #idle = new IdleConnections<UndiciConnection>(({ request, handler }) => {
    try {
      if (this.#isClosed) throw closingError()
      this.#sendNow(request, handler)
    } catch (error) {
      handler.onError(error)
    }
  })
  #tlsSession: Buffer | undefined
  #isClosed = false
  #isRetired = false

  constructor(options: ClientPoolOptions) {
    this.#options = options
    this.origin = new URL(options.origin)
    this.#maxAgeMs = maxAgeMs(this.origin)
  }

  get size(): number {
    return this.#all.size
  }

  send(request: ClientRequest, handler: RequestHandler): void {
    if (this.#isClosed) throw closingError()
    if (!this.#idle.defer(request, handler, this.nowMs())) this.#sendNow(request, handler)
  }

  closeIdle(): void {
    this.#idle.close(() => true)
  }

  retire(): void {
    this.#isRetired = true
    this.closeIdle()
  }

  close(): void {
    this.#isClosed = true
    for (const connection of [...this.#all]) connection.destroy(closingError())
  }

  // Called by connections

  /** Monotonic milliseconds. */
  nowMs(): number {
    return this.#options.clock.monotonicMs()
  }

  /** @param ready called when the socket can carry requests */
  openSocket(ready: () => void): Socket {
    const { connectMs, tlsMs, tcpKeepAliveMs, clock } = this.#options
    return openSocket(
      {
        origin: this.origin,
        connectMs,
        tlsMs,
        clock,
        keepAliveMs: tcpKeepAliveMs,
        tlsSession: this.#tlsSession,
        onTlsSession: (session) => {
          this.#tlsSession = session
        },
      },
      ready,
    )
  }

  /** The connection can carry another request. */
  released(connection: UndiciConnection): void {
    if (this.nowMs() >= connection.replaceAtMs || this.#isClosed || this.#isRetired) connection.close()
    else this.#idle.add(connection)
  }

  ended(connection: UndiciConnection): void {
    this.#all.delete(connection)
    this.#idle.remove(connection)
    this.#options.onChange?.()
  }

  /**
   * Retries a request that found its idle connection closed before the first byte of the response, on a fresh
   * connection (RFC 9112 section 9.3.1). A fresh connection cannot be stale, so this happens at most once per request.
   */
  stale(request: ClientRequest, handler: RequestHandler): void {
    this.#idle.metEnd(this.nowMs())
    const again = this.#isClosed ? undefined : sameAgain(request)
    if (again === undefined) handler.onError(new Http1Error('ERR_HTTP1_STALE', 'a kept connection had ended'))
    else this.#open().send(again, handler)
  }

  #sendNow(request: ClientRequest, handler: RequestHandler): void {
    const connection = this.#idle.take() ?? this.#open()
    connection.send(request, handler)
  }

  #open(): UndiciConnection {
    const connection = new UndiciConnection(this)
    connection.replaceAtMs = this.nowMs() + this.#maxAgeMs
    this.#all.add(connection)
    this.#options.onChange?.()
    return connection
  }
}

function closingError(): Http1Error {
  return new Http1Error('ERR_HTTP1_CLOSED', 'the gateway is closing')
}
