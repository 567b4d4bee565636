import { loopStatus } from '../../kernel/failure-statuses.ts'
import type { AttemptFailure } from '../connections/failure.ts'

/**
 * What the result of an attempt says something about.
 *
 * - `endpoint`: the server or the network path to it, so all of its models
 * - `model`: this model on this endpoint
 * - `path`: this API path on this endpoint
 * - `request`: what this client sent
 * - `nothing`: none of these (a stale connection, the request's own time limit)
 */
export type EvidenceSubject = 'endpoint' | 'model' | 'path' | 'request' | 'nothing'

export interface Evidence {
  readonly about: EvidenceSubject
  /** Setting of `circuit_breaker` that decides whether it counts as a failure. */
  readonly counted: 'connection_errors' | 'timeouts' | 'failure_statuses' | 'always' | 'never'
  /**
   * - `at_once`: the gateway did not send the request, so it cannot be the cause
   * - `when_disproved`: only after another endpoint answered the same request, or if there is no other endpoint
   */
  readonly credited: 'at_once' | 'when_disproved'
  /** Whether the request fails over to the next candidate; `configured`: `proxy.failover_statuses` decides. */
  readonly movesOn: 'always' | 'configured' | 'never'
  /**
   * Whether the request retries on the same endpoint if no other one can serve.
   *
   * - `waits`: as soon as the endpoint may be back, for a bounded time
   * - `rounds`: after a backoff, up to `proxy.max_retries` times
   * - `once`: after a backoff, once
   */
  readonly repeated: 'waits' | 'rounds' | 'once' | 'never'
}

const unreachable: Evidence = {
  about: 'endpoint',
  counted: 'connection_errors',
  credited: 'at_once',
  movesOn: 'always',
  repeated: 'waits',
}
const connectTimeout: Evidence = { ...unreachable, counted: 'timeouts' }
const brokenConnection: Evidence = { ...unreachable, credited: 'when_disproved', repeated: 'once' }
const silence: Evidence = {
  about: 'model',
  counted: 'timeouts',
  credited: 'when_disproved',
  movesOn: 'always',
  repeated: 'never',
}
const stale: Evidence = {
  about: 'nothing',
  counted: 'never',
  credited: 'at_once',
  movesOn: 'always',
  repeated: 'once',
}
/** No evidence of a failure; also for good answers. */
const nothing: Evidence = { ...stale, movesOn: 'never', repeated: 'never' }
/** A shortage on the gateway's side; the endpoint may be healthy. */
const shortage: Evidence = { ...stale, repeated: 'waits' }
const missingPath: Evidence = { ...stale, about: 'path', repeated: 'never' }
const badAnswer: Evidence = { ...silence, counted: 'always' }
const busyInside: Evidence = { ...badAnswer, repeated: 'rounds' }
const serverError: Evidence = { ...silence, counted: 'failure_statuses', movesOn: 'configured' }
/** A proxy in front of the server temporarily lost it. */
const badGateway: Evidence = { ...serverError, repeated: 'once' }
const busy: Evidence = { ...serverError, repeated: 'rounds' }
const missingPathStatus: Evidence = { ...missingPath, movesOn: 'configured' }
const refusal: Evidence = { ...serverError, about: 'request' }

/** Evidence of a response status. */
export function statusEvidence(statusCode: number): Evidence {
  switch (statusCode) {
    case 404:
    case 405:
    case 501:
      return missingPathStatus
    case 401:
    case 402:
    case 403:
      return serverError
    case loopStatus:
      return refusal
    case 429:
    case 503:
    // Not registered; Anthropic and compatible servers send it for "overloaded".
    case 529:
      return busy
    case 502:
    // Cloudflare: the server is down, unreachable or sends invalid responses.
    case 520:
    case 521:
    case 522:
    case 523:
    case 525:
    case 526:
    case 530:
      return badGateway
    default:
      if (statusCode >= 500) return serverError
      return statusCode >= 400 ? refusal : nothing
  }
}

/** Evidence of a failed attempt. */
export function failureEvidence({ kind, statusCode }: AttemptFailure): Evidence {
  switch (kind) {
    case 'refused':
    case 'unreachable':
    case 'dns':
    case 'tls':
      return unreachable
    case 'connect_timeout':
      return connectTimeout
    case 'reset':
    case 'closed':
    case 'protocol':
      return brokenConnection
    case 'first_byte_timeout':
    case 'idle_timeout':
      return silence
    case 'stale':
      return stale
    case 'shortage':
      return shortage
    case 'total_timeout':
      return nothing
    case 'path_missing':
      return missingPath
    case 'bad_answer':
      return statusCode === 429 || statusCode === 503 ? busyInside : badAnswer
    case 'status':
      return statusEvidence(statusCode ?? 0)
  }
}
