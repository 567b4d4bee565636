import type { Readable } from 'node:stream'
import type { Attempt } from '../exchange/attempt.ts'

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
 * How an engine carries one attempt to its endpoint: it drives the attempt's `on…` callbacks in the order of a
 * `RequestHandler`. Everything else is the exchange's, the same for every engine.
 */
export interface Transport {
  /** Bytes: a shorter body it may still read when its attempt is over. */
  readonly keepsBodiesBelow: number
  send(attempt: Attempt, request: UpstreamRequest): void
}
