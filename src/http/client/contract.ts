import type { Readable } from 'node:stream'
import type { Clock } from '../../kernel/clock.ts'

/** The HTTP/1.1 clients; `docs/design/http.md` compares them. */
export const httpClients = ['own', 'undici'] as const
export type HttpClient = (typeof httpClients)[number]

/** One request, as both clients take it. */
export interface ClientRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** Flat name/value pairs; with `Content-Length` for a stream, which must be as long as it says, and only there. */
  readonly headers: readonly string[]
  readonly body: Buffer | Readable | null
  /** Opens a stream body again from its first byte; without it the request cannot be sent twice. */
  readonly reopen?: (() => Buffer | Readable) | undefined
}

/** Receives one answer. Nothing is called after `onComplete` or `onError`. */
export interface RequestHandler {
  /**
   * The request is about to be sent: once, or a second time where the connection that was reused turned out to be
   * closed. @param abort closes the connection, at any time until the end
   */
  onConnect(abort: (error?: Error) => void): void
  /** The client no longer reads the request's bytes. Not called for a stream. */
  onBodyWritten?(): void
  /** @param resume goes on after `onData` has returned false; not to be called after the end */
  onHeaders(statusCode: number, headers: readonly string[], resume: () => void): unknown
  /** @returns false to read no more until `resume` */
  onData(chunk: Buffer): boolean
  onComplete(): void
  onError(error: unknown): void
}

export interface ClientPoolOptions {
  /** `http://…` or `https://…`, without a path. */
  readonly origin: string
  readonly clock: Clock
  /** Milliseconds for the TCP connection; 0 is no limit. */
  readonly connectMs: number
  /** Milliseconds for the TLS handshake; 0 is no limit. */
  readonly tlsMs: number
  /** Milliseconds between TCP keep-alive probes; 0 switches them off. */
  readonly tcpKeepAliveMs: number
  /** The number of connections has changed. */
  readonly onChange?: () => void
}

/**
 * The connections to one server. A request takes the connection that was idle for the shortest time, else a new one;
 * requests never wait for each other.
 */
export interface ClientPool {
  /** Connections, including those being made. */
  readonly size: number
  /** @throws Http1Error `ERR_HTTP1_INVALID_REQUEST`, `ERR_HTTP1_CLOSED` */
  send(request: ClientRequest, handler: RequestHandler): void
  /** Ends the connections that carry nothing now. */
  closeIdle(): void
  /** Ends all connections; requests under way fail. */
  close(): void
}

/** Bytes of a head: endpoints behind other proxies send long ones (cookies, policies). */
export const maxHeadBytes = 131_072
/** Interim answers (1xx) before the final one. */
export const maxInterimAnswers = 16
/** Milliseconds that an idle connection is kept where its server does not say how long it keeps it. */
export const defaultIdleMs = 30_000
/** Longest that an idle connection is kept, whatever its server says; milliseconds. */
export const maxIdleMs = 60_000
/** An idle connection is closed this much before its server closes it: a request may be on the way by then. */
export const closeAheadMs = 1_000
/**
 * A server that closes an idle connection crosses the next request on the wire, which takes a round trip. A server
 * that works on a request for longer and then closes has failed it.
 */
export const staleWithinMs = 5_000

/** @returns undefined where the body is a stream that cannot be opened again */
export function sameAgain(request: ClientRequest): ClientRequest | undefined {
  const { body, reopen } = request
  if (body === null || Buffer.isBuffer(body)) return request
  return reopen === undefined ? undefined : { ...request, body: reopen() }
}

export function isStream(body: ClientRequest['body']): body is Readable {
  return body !== null && !Buffer.isBuffer(body)
}
