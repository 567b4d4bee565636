import type { Inspection } from '../../dialects/requests/inspect.ts'
import type { Upload } from '../../http/body/upload.ts'
import type { GatewayError } from '../../kernel/errors.ts'
import type { RoutingOutcome } from '../../routing/models/routing.ts'
import type { RequestContext } from './context.ts'
import type { RequestRecord } from './request-record.ts'

/** A routed request of a caller, before the engine gets it. */
export interface MeteredRequest {
  /** Path to request from the endpoint. */
  readonly path: string
  readonly body: Buffer | Upload | null
  readonly inspection: Inspection
  /** Undefined for a request that goes to no endpoint. */
  readonly routing?: RoutingOutcome
}

/** Limits and the ledger. Called only for requests with an `identity`. */
export interface CallerMeter {
  /**
   * Reserves the likely use of a request with all limits that apply, or with none.
   * @throws GatewayError if a limit does not allow it
   */
  reserve(context: RequestContext, request: MeteredRequest): void
  /**
   * Reserves for the other replicas what `reserve` has reserved here; absent for a gateway alone.
   * @returns undefined if there is nothing to wait for; otherwise the refusal, after which nothing is reserved
   * @throws GatewayError
   */
  confirm?(context: RequestContext): Promise<GatewayError | undefined> | undefined
  /**
   * Refuses a request that reaches an endpoint but uses nothing which limits count, if a limit of its caller is used up.
   * @throws GatewayError
   */
  check(context: RequestContext, model: string | undefined): void
  /** Settles what was reserved by what was used. Called once for each request that is over, also for a refused one. */
  settle(context: RequestContext, record: RequestRecord): void
  /** Gives back what was reserved for a request that could not be sent. */
  release(context: RequestContext): void
}
