import type { Dialect } from '../../dialects/contract/dialect.ts'
import type { RouteClass } from '../../dialects/requests/dialect.ts'
import type { ErrorCode } from '../../kernel/errors.ts'
import type { BodyKeeper, GrowingBody } from '../../kernel/memory/growing-body.ts'
import type { MemoryKeeper, RequestMemory } from '../../kernel/memory/request-memory.ts'
import type { RoutingDecision } from '../../routing/models/routing-strategies.ts'
import type { RequestOutcome } from './outcome.ts'
import type { AnswerFigures } from './request-record.ts'
import type { RequestSession } from './request-session.ts'

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

/** Known when the head of a request has arrived. */
export interface ReceivedRequest {
  readonly id: string
  /** Monotonic milliseconds. */
  readonly startedAtMs: number
  readonly dialect: Dialect
  readonly routeClass: RouteClass
  /** Of the client, as far as proxies are trusted. */
  readonly clientAddress: string
  /** The client's own, as flat name/value pairs; credentials are among them. */
  readonly rawHeaders: readonly string[]
  /** Unique among the requests of this thread; counts up. */
  readonly serial: number
  readonly method: string
  /** As the client sent it, with the query. */
  readonly url: string
  /** Name of the caller, where the host gives one; limits and statistics use it before the address. */
  readonly caller: string | undefined
  /** Of the trace that this request is part of, where telemetry records it. */
  readonly traceId: string | undefined
}

/** How the request was routed. */
export interface RequestRoute {
  model: string | undefined
  routingStrategy: string | undefined
  routingDecision: RoutingDecision['decision'] | undefined
  routingReason: string | undefined
  /** Its session and the decision made for it; undefined where sessions are off. */
  session: RequestSession | undefined
  /** Headers of any answer to the request, as flat name/value pairs. */
  readonly headers: string[]
}

/** Its attempts, and when what happened; milliseconds from receipt unless the name or text says otherwise. */
export interface RequestProgress {
  /** When the whole body had arrived. */
  receivedMs: number | undefined
  /** When routing was done, and when the last attempt began and was on its way. */
  routedMs: number | undefined
  attemptMs: number | undefined
  sentMs: number | undefined
  /** The first byte of the answer. */
  firstByteMs: number | undefined
  /** Duration of the wait for a place on an endpoint; undefined without one. */
  queuedMs: number | undefined
  /** Duration that the gateway itself took; undefined until an endpoint answers. */
  overheadMs: number | undefined
  /** Attempts in all. */
  attemptCount: number
  /** Failed attempts. */
  readonly attempts: AttemptRecord[]
  /** The endpoint that answered. */
  endpoint: string | undefined
  /** The endpoint that was asked last. */
  lastEndpoint: string | undefined
}

/** How the request ended, and what its answer was. */
export interface RequestResult {
  status: number | undefined
  error: ErrorCode | undefined
  outcome: RequestOutcome | undefined
  /** Whether the answer is a stream; undefined before it begins. */
  isStream: boolean | undefined
  requestBytes: number
  responseBytes: number
  promptTokens: number | undefined
  completionTokens: number | undefined
  /** What is read of the answer while it passes; undefined before it begins, and where it is not read. */
  answer: AnswerFigures | undefined
}

/**
 * All that is known of one request, one object for its whole life. Code that needs a part of it names that part in its
 * signature.
 */
export class RequestContext
  implements ReceivedRequest, RequestRoute, RequestProgress, RequestResult, BodyKeeper, MemoryKeeper
{
  readonly id: string
  readonly startedAtMs: number
  readonly dialect: Dialect
  readonly routeClass: RouteClass
  readonly clientAddress: string
  rawHeaders: readonly string[] = []
  serial = 0
  method = ''
  url = ''
  caller: string | undefined = undefined
  traceId: string | undefined = undefined
  model: string | undefined = undefined
  endpoint: string | undefined = undefined
  lastEndpoint: string | undefined = undefined
  readonly headers: string[] = []
  readonly attempts: AttemptRecord[] = []
  attemptCount = 0
  /** Whether the client asked, by a header `X-Olla-Overhead`, how long the gateway itself took. */
  wantsOverhead = false
  receivedMs: number | undefined = undefined
  overheadMs: number | undefined = undefined
  routedMs: number | undefined = undefined
  attemptMs: number | undefined = undefined
  sentMs: number | undefined = undefined
  isStream: boolean | undefined = undefined
  status: number | undefined = undefined
  firstByteMs: number | undefined = undefined
  queuedMs: number | undefined = undefined
  /** A body that came in several pieces, until its memory is free again. */
  heldBody: GrowingBody | undefined = undefined
  /** Memory held beside the body; undefined where that is little. */
  memory: RequestMemory | undefined = undefined
  requestBytes = 0
  responseBytes = 0
  promptTokens: number | undefined = undefined
  completionTokens: number | undefined = undefined
  answer: AnswerFigures | undefined = undefined
  outcome: RequestOutcome | undefined = undefined
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
