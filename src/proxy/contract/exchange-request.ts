import type { TextPlace } from '../../dialects/requests/inspect.ts'
import type { RequestVariant } from '../../dialects/requests/request-variant.ts'
import type { Upload } from '../../http/body/upload.ts'
import type { JsonSpan } from '../../kernel/json/body-scan.ts'
import type { RoutedEndpoint, RoutingOutcome } from '../../routing/models/routing.ts'
import type { RequestContext } from './context.ts'

/** A client's request as the routes hand it over. */
export interface ExchangeRequest {
  readonly context: RequestContext
  readonly method: string
  /** As the endpoint is to see it, still percent-encoded. */
  readonly path: string
  /** With its `?`, or ''. */
  readonly query: string
  readonly body: Buffer | Upload | null
  /** Where the model's name stands in the body. */
  readonly modelSpan?: JsonSpan | undefined
  /** Where it stands in a form or in the query. */
  readonly modelPlace?: TextPlace | undefined
  /** From `forwardedHeaders`. */
  readonly headers: readonly string[]
  readonly routing: RoutingOutcome
  /**
   * Another form of the request for an endpoint that cannot take this one; asked once per attempt.
   * @throws GatewayError where the request cannot be put into that form: it is the answer then
   */
  readonly variant?: ((target: RoutedEndpoint) => RequestVariant | undefined) | undefined
  /** Of a stream that must not fall silent; undefined sends nothing of its own. */
  readonly keepAlive?: KeepAlive | undefined
}

/** What a client is sent while nothing else comes, so that neither it nor a proxy between gives up. */
export interface KeepAlive {
  /** Milliseconds of silence. */
  readonly intervalMs: number
  /** A complete event that clients pass over. */
  readonly event: Buffer
  /**
   * Flat headers of the answer, for a client that is still without one: it has status 200 from then on, and a
   * failure is told as an event. Other endpoints can still be tried.
   */
  readonly headers: readonly string[]
}
