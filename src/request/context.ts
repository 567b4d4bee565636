import type { RequestSession } from '../affinity/request-sessions.ts'
import type { Dialect, ErrorCode } from '../errors.ts'
import type { AnswerFigures } from '../stats/request-record.ts'
import type { RouteClass } from './dialect.ts'

/**
 * How a request ended: `success` below 400, `rejection` for 4xx, `failure` for 5xx and answers that broke,
 * `client_closed` where the client left first.
 */
export type RequestOutcome = 'success' | 'rejection' | 'failure' | 'client_closed'

/** 4xx is the client's doing, 5xx a failure; so is no status at all. */
export function outcomeOfStatus(status: number): RequestOutcome {
  if (status >= 500 || status === 0) return 'failure'
  return status >= 400 ? 'rejection' : 'success'
}

export interface AttemptRecord {
  readonly endpoint: string
  readonly durationMs: number
  /** Why it failed. */
  readonly reason: string
}

/** What is known of one request, gathered while it passes; one per request, read once at its end. */
export class RequestContext {
  readonly id: string
  /** Monotonic milliseconds. */
  readonly startedAtMs: number
  readonly dialect: Dialect
  readonly routeClass: RouteClass
  /** Of the client, as far as proxies are trusted. */
  readonly clientAddress: string
  /** The client's own, as flat name/value pairs; credentials are among them. */
  rawHeaders: readonly string[] = []
  /** Name of who calls, where the host tells; limits and statistics go by it before the address. */
  caller: string | undefined = undefined
  /** Of the trace that this request is part of, where telemetry records it. */
  traceId: string | undefined = undefined
  model: string | undefined = undefined
  /** Whether the catalogue knew the model. */
  modelIsKnown = false
  endpoint: string | undefined = undefined
  /** What the answer says of the request whoever gives it, as flat name/value pairs. */
  readonly headers: string[] = []
  /** Failed attempts. */
  readonly attempts: AttemptRecord[] = []
  /** Attempts in all. */
  attemptCount = 0
  status: number | undefined = undefined
  /** Milliseconds from receipt to the first byte of the answer. */
  firstByteMs: number | undefined = undefined
  /** Milliseconds that it waited for a place on an endpoint; undefined where it did not have to. */
  queuedMs: number | undefined = undefined
  requestBytes = 0
  responseBytes = 0
  promptTokens: number | undefined = undefined
  completionTokens: number | undefined = undefined
  /** What is read of the answer while it passes; undefined before it begins, and where nobody reads it. */
  answer: AnswerFigures | undefined = undefined
  outcome: RequestOutcome | undefined = undefined
  /** Which session it belongs to and what that means; undefined where sessions are off. */
  session: RequestSession | undefined = undefined
  routingStrategy: string | undefined = undefined
  routingDecision: string | undefined = undefined
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
