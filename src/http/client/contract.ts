import { isIP } from 'node:net'
import type { Readable } from 'node:stream'
import type { Clock } from '../../kernel/clock.ts'
import type { BodyBytes } from '../../kernel/memory/body-bytes.ts'

/** The HTTP/1.1 clients; `docs/design/http.md` compares them. */
export const httpClients = ['own', 'undici'] as const
export type HttpClient = (typeof httpClients)[number]

/** One request, in the form that both clients accept. */
export interface ClientRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  /**
   * Flat name/value pairs. They include the exact `Content-Length` of a stream body if it is known, without which the
   * body is sent in chunks, and no `Content-Length` otherwise.
   */
  readonly headers: readonly string[]
  readonly body: BodyBytes | Readable | null
  /** Reopens a stream body at its first byte; without it the client cannot send the request again. */
  readonly reopen?: (() => Buffer | Readable) | undefined
}

/** Receives one response. The client calls nothing after `onComplete` or `onError`. */
export interface RequestHandler {
  /**
   * The client is about to send the request. Called a second time if the reused connection turned out to be closed.
   * @param abort closes the connection; callable until the end
   */
  onConnect(abort: (error?: Error) => void): void
  /** The client no longer reads the bytes of the body. Not called for a stream. */
  onBodyWritten?(): void
  /** @param resume continues after `onData` returned false; must not be called after the end */
  onHeaders(statusCode: number, headers: readonly string[], resume: () => void): unknown
  /** @returns false to pause reading until `resume` */
  onData(chunk: Buffer): boolean
  onComplete(): void
  onError(error: unknown): void
}

export interface ClientPoolOptions {
  /** `http://…` or `https://…`, without a path. */
  readonly origin: string
  readonly clock: Clock
  /** Limit for the TCP connection in milliseconds; 0 means no limit. */
  readonly connectMs: number
  /** Limit for the TLS handshake in milliseconds; 0 means no limit. */
  readonly tlsMs: number
  /** Milliseconds between TCP keep-alive probes; 0 disables them. */
  readonly tcpKeepAliveMs: number
  /** Called when the number of connections changes. */
  readonly onChange?: () => void
}

/**
 * The connections to one server. The pool sends a request on the most recently used idle connection, or on a new one;
 * requests never wait for each other.
 */
export interface ClientPool {
  /** Number of connections, including those that are being opened. */
  readonly size: number
  /** @throws Http1Error `ERR_HTTP1_INVALID_REQUEST`, `ERR_HTTP1_CLOSED` */
  send(request: ClientRequest, handler: RequestHandler): void
  /** Closes the idle connections. */
  closeIdle(): void
  /** The server gets no more requests: the pool closes each connection when its request has ended. */
  retire(): void
  /** Closes all connections; requests in flight fail. */
  close(): void
}

/** Maximum bytes of a response head: endpoints behind other proxies send long ones (cookies, policies). */
export const maxHeadBytes = 131_072
/** Maximum interim responses (1xx) before the final one. */
export const maxInterimAnswers = 16
/** Milliseconds that the pool keeps an idle connection if the server does not report its own limit. */
export const defaultIdleMs = 30_000
/** Maximum milliseconds that the pool keeps an idle connection, whatever limit the server reports. */
export const maxIdleMs = 60_000
/**
 * Maximum age in milliseconds of a connection to a host name that carries another request: the name may lead to another
 * address by then, while the server at the old one still answers.
 */
const maxNameAgeMs = 300_000
/**
 * The pool closes an idle connection this many milliseconds before the server does, because a request may be on the way
 * by then.
 */
export const closeAheadMs = 1_000
/**
 * Maximum age of a request that may be retried because its idle connection was stale: when the server's close crosses a
 * request on the wire, the client learns of it within a round trip. A server that works on a request for longer and
 * then closes has failed it.
 */
export const staleWithinMs = 5_000

/** Maximum age of a connection that carries another request; addresses do not change. */
export function maxAgeMs({ hostname }: URL): number {
  return isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? maxNameAgeMs : Number.POSITIVE_INFINITY
}

/** @returns undefined if the body is a stream that cannot be reopened */
export function sameAgain(request: ClientRequest): ClientRequest | undefined {
  const { body, reopen } = request
  if (!isStream(body)) return request
  return reopen === undefined ? undefined : { ...request, body: reopen() }
}

export function isStream(body: ClientRequest['body']): body is Readable {
  return body !== null && !Buffer.isBuffer(body) && !Array.isArray(body)
}
