import type { RouteClass } from '../../dialects/requests/dialect.ts'
import type { Dialect, ErrorCode } from '../../kernel/errors.ts'
import type { BodyKeeper, GrowingBody } from '../../kernel/memory/growing-body.ts'
import type { MemoryKeeper, RequestMemory } from '../../kernel/memory/request-memory.ts'
import type { RoutingDecision } from '../../routing/models/routing-strategies.ts'
import type { AnswerFigures } from './request-record.ts'
import type { RequestSession } from './request-sessions.ts'

/**
 * How a request ended: `success` below 400, `rejection` for 4xx, `failure` for 5xx and answers that broke,
 * `client_closed` where the client left first, `cancelled` where an operator ended it.
 */
export type RequestOutcome = 'success' | 'rejection' | 'failure' | 'client_closed' | 'cancelled'

/** 4xx is the client's doing, 5xx a failure; so is no status at all. */
export function outcomeOfStatus(status: number): RequestOutcome {
  if (status >= 500 || status === 0) return 'failure'
  return status >= 400 ? 'rejection' : 'success'
}

export interface AttemptRecord {
  readonly endpoint: string
  /** Milliseconds from receipt of the request. */
  readonly startedMs: number
  /** The same, when the request was on its way; undefined where it never was. */
  readonly sentMs: number | undefined
  /** Undefined where no answer came. */
  readonly statusCode: number | undefined
  readonly durationMs: number
  /** Why it failed. */
  readonly reason: string
}

/** What is known of one request, gathered while it passes; one per request, read once at its end. */
export class RequestContext implements BodyKeeper, MemoryKeeper {
  readonly id: string
  /** Monotonic milliseconds. */
  readonly startedAtMs: number
  readonly dialect: Dialect
  readonly routeClass: RouteClass
  /** Of the client, as far as proxies are trusted. */
  readonly clientAddress: string
  /** The client's own, as flat name/value pairs; credentials are among them. */
  rawHeaders: readonly string[] = []
  /** Tells it from all other requests of this thread; counts up. */
  serial = 0
  method = ''
  /** As the client sent it, with the query. */
  url = ''
  /** Name of who calls, where the host tells; limits and statistics go by it before the address. */
  caller: string | undefined = undefined
  /** Of the trace that this request is part of, where telemetry records it. */
  traceId: string | undefined = undefined
  model: string | undefined = undefined
  /** Whether the catalogue knew the model. */
  modelIsKnown = false
  /** The one that answered. */
  endpoint: string | undefined = undefined
  /** The last one that was asked. */
  lastEndpoint: string | undefined = undefined
  /** What any answer says of the request, as flat name/value pairs. */
  readonly headers: string[] = []
  /** Failed attempts. */
  readonly attempts: AttemptRecord[] = []
  /** Attempts in all. */
  attemptCount = 0
  /** Whether the answer is to tell what the gateway itself took: asked for by a header `X-Olla-Overhead`. */
  tellsOverhead = false
  /** Milliseconds from receipt of the head to that of the whole body. */
  receivedMs: number | undefined = undefined
  /** Milliseconds that the gateway itself took; undefined until an endpoint answers. */
  overheadMs: number | undefined = undefined
  /** Milliseconds from receipt: when routing was done, and when the last attempt began and was on its way. */
  routedMs: number | undefined = undefined
  attemptMs: number | undefined = undefined
  sentMs: number | undefined = undefined
  /** Whether the answer is a stream; undefined before it begins. */
  isStream: boolean | undefined = undefined
  status: number | undefined = undefined
  /** Milliseconds from receipt to the first byte of the answer. */
  firstByteMs: number | undefined = undefined
  /** Milliseconds that it waited for a place on an endpoint; undefined where it did not have to. */
  queuedMs: number | undefined = undefined
  /** A body that came in several pieces, until its memory is free again. */
  heldBody: GrowingBody | undefined = undefined
  /** What it takes up beside its body; undefined where that is little. */
  memory: RequestMemory | undefined = undefined
  requestBytes = 0
  responseBytes = 0
  promptTokens: number | undefined = undefined
  completionTokens: number | undefined = undefined
  /** What is read of the answer while it passes; undefined before it begins, and where it is not read. */
  answer: AnswerFigures | undefined = undefined
  outcome: RequestOutcome | undefined = undefined
  /** Which session it belongs to and what that means; undefined where sessions are off. */
  session: RequestSession | undefined = undefined
  routingStrategy: string | undefined = undefined
  routingDecision: RoutingDecision['decision'] | undefined = undefined
  routingReason: string | undefined = undefined
  error: ErrorCode | undefined = undefined

  constructor(
    id: string,
    startedAtMs: number,
    dialect: Dialect,
    routeClass: RouteClass,
    clientAddress: string,
  ) {
    this.id = id
    this.startedAtMs = startedAtMs
    this.dialect = dialect
    this.routeClass = routeClass
    this.clientAddress = clientAddress
  }
}
