import type { Dialect } from '../../dialects/contract/dialect.ts'
import type { RouteClass } from '../../dialects/requests/dialect.ts'
import type { AppliedTranslation } from '../../dialects/translate/request-translation.ts'
import type { ErrorCode } from '../../kernel/errors.ts'
import type { BodyKeeper, GrowingBody } from '../../kernel/memory/growing-body.ts'
import type { MemoryKeeper, RequestMemory } from '../../kernel/memory/request-memory.ts'
import type { RoutingDecision } from '../../routing/models/routing-strategies.ts'
import { rankOf } from '../../runtime/overload/overload-level.ts'
import type { Caller, Charge, IdentityHeaders } from './caller.ts'
import type { HedgeResult } from './hedge-result.ts'
import type { RequestOutcome } from './outcome.ts'
import type { RequestLatency } from './request-latency.ts'
import type { AnswerFigures } from './request-record.ts'
import type { RequestSession } from './request-session.ts'

export interface AttemptRecord {
  readonly endpoint: string
  /** Milliseconds since receipt of the request. */
  readonly startedMs: number
  /** Milliseconds since receipt when the request was sent; undefined if it never was. */
  readonly sentMs: number | undefined
  /** Undefined without an answer. */
  readonly statusCode: number | undefined
  readonly durationMs: number
  /** Reason of the failure, or why it was aborted. */
  readonly reason: string
  /** Whether it ran beside another attempt. */
  readonly isHedge?: boolean
}

/** The race of two attempts of a request. */
export interface HedgeRecord {
  readonly result: HedgeResult
  /** The attempt that was aborted; undefined if one of the two failed. */
  readonly loser: AttemptRecord | undefined
}

/** Known as soon as the request's headers are parsed. */
export interface ReceivedRequest {
  readonly id: string
  /** Monotonic milliseconds. */
  readonly startedAtMs: number
  readonly dialect: Dialect
  readonly routeClass: RouteClass
  /** The client's address, as far as proxies are trusted. */
  readonly clientAddress: string
  /** Headers as the client sent them, including credentials, as flat name/value pairs. */
  readonly rawHeaders: readonly string[]
  /** Increasing number, unique among the requests of this thread. */
  readonly serial: number
  readonly method: string
  /** As the client sent it, including the query. */
  readonly url: string
  /** Name of the caller, if the host supplies one; limits and statistics prefer it to the address. */
  readonly caller: string | undefined
  /** Who sends it; undefined if callers need not be known. */
  readonly identity: Caller | undefined
  /** Undefined unless a trusted proxy names callers in a header. */
  readonly identityHeaders: IdentityHeaders | undefined
  /** ID of the trace that this request is part of, if telemetry records it. */
  readonly traceId: string | undefined
}

/**
 * Names the caller that owns what is kept for it alone, such as responses: names of keys may be used again, IDs may not.
 * @returns undefined if the gateway does not know its callers
 */
export function ownerOf({
  identity,
  caller,
}: Pick<ReceivedRequest, 'identity' | 'caller'>): string | undefined {
  return identity?.keyId ?? caller
}

/** How the request was routed. */
export interface RequestRoute {
  model: string | undefined
  routingStrategy: string | undefined
  routingDecision: RoutingDecision['decision'] | undefined
  routingReason: string | undefined
  /** The session and the decision made for it; undefined if sessions are off. */
  session: RequestSession | undefined
  /** What the estimates of the time to the first token know of it; undefined unless they are used. */
  latency: RequestLatency | undefined
  /** Headers for any answer to the request, as flat name/value pairs. */
  readonly headers: string[]
}

/** Attempts and timestamps of a request; milliseconds since receipt unless the name or comment says otherwise. */
export interface RequestProgress {
  /** When the body was complete. */
  receivedMs: number | undefined
  /** When routing was done; when the last attempt started and when it was sent. */
  routedMs: number | undefined
  attemptMs: number | undefined
  sentMs: number | undefined
  /** First byte of the answer. */
  firstByteMs: number | undefined
  /** Time in the queue for a slot on an endpoint; undefined if the request did not wait. */
  queuedMs: number | undefined
  /** Position in the queue when the request began to wait. */
  queuePosition: number | undefined
  /** Time that the gateway itself took; undefined until an endpoint answers. */
  overheadMs: number | undefined
  /** Number of attempts. */
  attemptCount: number
  /** Failed attempts. */
  readonly attempts: AttemptRecord[]
  /** Undefined unless a second attempt was sent. */
  hedge: HedgeRecord | undefined
  /** How the last attempt was translated; undefined if it was sent as the client wrote it. */
  translation: AppliedTranslation | undefined
  /** Whether the last attempt asked for a stream that the client did not request. */
  isStreamedUpstream: boolean
  /** The endpoint that answered. */
  endpoint: string | undefined
  /** The endpoint of the last attempt. */
  lastEndpoint: string | undefined
  /** Its model there, as the endpoint spells it; undefined if the request names none. */
  lastModel: string | undefined
}

/** How the request ended, and its answer. */
export interface RequestResult {
  status: number | undefined
  error: ErrorCode | undefined
  outcome: RequestOutcome | undefined
  /** Whether the answer is a stream; undefined before it starts. */
  isStream: boolean | undefined
  requestBytes: number
  responseBytes: number
  promptTokens: number | undefined
  completionTokens: number | undefined
  /** Figures read from the answer as it passes; undefined before it starts and if no meter reads it. */
  answer: AnswerFigures | undefined
  /** What is reserved of the caller's limits; undefined without limits. */
  charge: Charge | undefined
}

/**
 * Everything known about one request: one object for its whole life. Code that needs a part names that part in its
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
  identity: Caller | undefined = undefined
  identityHeaders: IdentityHeaders | undefined = undefined
  charge: Charge | undefined = undefined
  traceId: string | undefined = undefined
  /** Version of the configuration in which it began; undefined before the first change. */
  configVersion: number | undefined = undefined
  model: string | undefined = undefined
  endpoint: string | undefined = undefined
  lastEndpoint: string | undefined = undefined
  lastModel: string | undefined = undefined
  readonly headers: string[] = []
  readonly attempts: AttemptRecord[] = []
  attemptCount = 0
  hedge: HedgeRecord | undefined = undefined
  translation: AppliedTranslation | undefined = undefined
  isStreamedUpstream = false
  /** Whether the client asked for the gateway's own time, with the header `X-Olla-Overhead`. */
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
  queuePosition: number | undefined = undefined
  /** A body that arrived in several chunks, until its memory is released. */
  heldBody: GrowingBody | undefined = undefined
  /** Memory held in addition to the body; undefined if negligible. */
  memory: RequestMemory | undefined = undefined
  requestBytes = 0
  responseBytes = 0
  promptTokens: number | undefined = undefined
  completionTokens: number | undefined = undefined
  answer: AnswerFigures | undefined = undefined
  outcome: RequestOutcome | undefined = undefined
  session: RequestSession | undefined = undefined
  latency: RequestLatency | undefined = undefined
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

  get memoryRank(): number {
    return rankOf(this.identity?.priority ?? 'normal')
  }
}
