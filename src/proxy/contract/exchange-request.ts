import type { Inspection, TextPlace } from '../../dialects/requests/inspect.ts'
import type { RequestVariant } from '../../dialects/variants/request-variant.ts'
import type { Upload } from '../../http/body/upload.ts'
import type { JsonSpan } from '../../kernel/json/body-scan.ts'
import type { RoutedEndpoint, RoutingOutcome, RoutingRequest } from '../../routing/models/routing.ts'
import type { RequestContext } from './context.ts'

/** A client's request as the routes hand it over. */
export interface ExchangeRequest {
  readonly context: RequestContext
  readonly method: string
  /** Path to request from the endpoint, still percent-encoded. */
  readonly path: string
  /** Starts with `?`, or ''. */
  readonly query: string
  readonly body: Buffer | Upload | null
  /** Position of the model's name in the body. */
  readonly modelSpan?: JsonSpan | undefined
  /** Position of the model's name in a form or in the query. */
  readonly modelPlace?: TextPlace | undefined
  /** From `forwardedHeaders`. */
  readonly headers: readonly string[]
  /** Replaced if the request is routed again while it waits. */
  routing: RoutingOutcome
  /** What was routed; undefined if the request cannot be routed again. */
  readonly routed?: RoutingRequest | undefined
  /** Whether `variant` translates the request for any endpoint that needs it. */
  readonly isTranslatedAsNeeded?: boolean | undefined
  /**
   * Returns another form of the request for an endpoint that cannot accept this one; called once per attempt.
   * @throws GatewayError if the request cannot be converted; the client gets this error
   */
  readonly variant?: ((target: RoutedEndpoint) => RequestVariant | undefined) | undefined
  /** `X-Olla-Mode` of an attempt whose variant has none. */
  readonly mode?: string | undefined
  /** What the client asks for; undefined if that is not known. */
  readonly inspection?: Pick<Inspection, 'isStream' | 'isStreamOff' | 'keys'> | undefined
  /** Keep-alive of a stream that must not fall silent; undefined sends nothing extra. */
  readonly keepAlive?: KeepAlive | undefined
}

/** What the gateway sends during silence, so that neither the client nor a proxy in between times out. */
export interface KeepAlive {
  /** Milliseconds of silence. */
  readonly intervalMs: number
  /** A complete event that clients ignore. */
  readonly event: Buffer
  /** Of the answer that it begins; default `sse`. */
  readonly format?: 'sse' | 'ndjson' | 'other' | undefined
  /**
   * Flat headers of the answer, for a client that has received none yet. The status is 200 from then on, and a failure
   * is reported as an event; other endpoints can still be tried.
   */
  readonly headers: readonly string[]
}
