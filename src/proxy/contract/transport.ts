import type { Readable } from 'node:stream'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'

/** A request as an endpoint gets it. */
export interface UpstreamRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** Flat name/value pairs, without `Host` and `Content-Length`. */
  readonly headers: readonly string[]
  /** A stream comes with its `Content-Length` among the headers. */
  readonly body: Buffer | Readable | null
  /** Opens a stream body again from its first byte. */
  readonly reopen?: (() => Buffer | Readable) | undefined
}

/**
 * One attempt as the transport that carries it sees it; a `RequestHandler` of the gateway's own HTTP client. After
 * `onComplete` or `onError` the transport calls nothing more; calls after a cancel have no effect.
 */
export interface CarriedAttempt {
  readonly target: RoutedEndpoint
  /** Whether it has ended, perhaps before the transport took it up. */
  readonly isOver: boolean
  /**
   * The request is about to be sent: once, or a second time where a reused connection turned out to be closed.
   * @param abort closes the connection, at any time until the end
   */
  onConnect(abort: (error?: Error) => void): void
  /** The transport reads the request's body no more. Not called for a stream. */
  onBodyWritten(): void
  /**
   * @param headers flat name/value pairs
   * @param resume goes on after `onData` has returned false; not to be called after the end
   */
  onHeaders(statusCode: number, headers: readonly string[], resume: () => void): unknown
  /** @returns false to read no more until `resume` */
  onData(chunk: Buffer): boolean
  onComplete(): void
  onError(error: unknown): void
}

/**
 * How an engine carries one attempt to its endpoint: it drives the attempt's `on…` callbacks. Everything else is the
 * exchange's, the same for every engine.
 */
export interface Transport {
  /** Bytes: a shorter body it may still read when its attempt is over. */
  readonly keepsBodiesBelow: number
  send(attempt: CarriedAttempt, request: UpstreamRequest): void
}
