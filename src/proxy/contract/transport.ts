import type { Readable } from 'node:stream'
import type { BodyBytes } from '../../kernel/memory/body-bytes.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'

/** A request as sent to an endpoint. */
export interface UpstreamRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  /** Flat name/value pairs, without `Host` and `Content-Length`. */
  readonly headers: readonly string[]
  /** For a stream, the headers include its `Content-Length`. */
  readonly body: BodyBytes | Readable | null
  /** Reopens a stream body at its first byte. */
  readonly reopen?: (() => Buffer | Readable) | undefined
}

/**
 * One attempt as its transport sees it; also a `RequestHandler` of the gateway's own HTTP client. After `onComplete` or
 * `onError` the transport makes no more calls; calls after a cancel have no effect.
 */
export interface CarriedAttempt {
  readonly target: RoutedEndpoint
  /** Whether it has ended, possibly before the transport started it. */
  readonly isOver: boolean
  /**
   * The request is about to be sent: once, or a second time if a reused connection turned out to be closed.
   * @param abort closes the connection, at any time until the end
   */
  onConnect(abort: (error?: Error) => void): void
  /** The transport no longer reads the request's body. Not called for a stream. */
  onBodyWritten(): void
  /**
   * @param headers flat name/value pairs
   * @param resume continues after `onData` has returned false; not to be called after the end
   */
  onHeaders(statusCode: number, headers: readonly string[], resume: () => void): unknown
  /** @returns false to stop reading until `resume` */
  onData(chunk: Buffer): boolean
  onComplete(): void
  onError(error: unknown): void
}

/**
 * How an engine carries one attempt to its endpoint: it drives the attempt's `on…` callbacks. Everything else is part
 * of the exchange and the same for every engine.
 */
export interface Transport {
  /** Reads the body until its attempt is over. */
  send(attempt: CarriedAttempt, request: UpstreamRequest): void
}
