import { loopStatus } from '../../kernel/failure-statuses.ts'
import type { AttemptFailure } from '../connections/failure.ts'

/**
 * What a fact about an attempt is a fact about.
 *
 * - `endpoint`: the server or the way to it, so all of its models
 * - `model`: this model on this endpoint
 * - `path`: this API path on this endpoint
 * - `request`: what this client sent
 * - `nothing`: neither (a kept connection that had gone stale, the request's own time limit)
 */
export type EvidenceSubject = 'endpoint' | 'model' | 'path' | 'request' | 'nothing'

export interface Evidence {
  readonly about: EvidenceSubject
  /** Which setting of `circuit_breaker` decides whether it counts as a failure. */
  readonly counted: 'connection_errors' | 'timeouts' | 'failure_statuses' | 'always' | 'never'
  /**
   * - `at_once`: the request was not sent, so it cannot be the cause
   * - `when_disproved`: only once another endpoint has answered the same request well, or where there is none to ask
   */
  readonly credited: 'at_once' | 'when_disproved'
  /** Whether the request goes on to the next candidate; `configured` is for `proxy.failover_statuses` to say. */
  readonly movesOn: 'always' | 'configured' | 'never'
  /**
   * Whether the same endpoint is asked again where no other one can serve.
   *
   * - `waits`: as soon as it may be back, for a bounded time
   * - `rounds`: after a back-off, up to `proxy.max_retries` times
   * - `once`: after a back-off, once
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
/** Also what a good answer is: nothing that counts against anybody. */
const nothing: Evidence = { ...stale, movesOn: 'never', repeated: 'never' }
/** The gateway's own side: every endpoint may be well. */
const shortage: Evidence = { ...stale, repeated: 'waits' }
const missingPath: Evidence = { ...stale, about: 'path', repeated: 'never' }
const badAnswer: Evidence = { ...silence, counted: 'always' }
const busyInside: Evidence = { ...badAnswer, repeated: 'rounds' }
const serverError: Evidence = { ...silence, counted: 'failure_statuses', movesOn: 'configured' }
/** A proxy in front of the server has lost it for a moment. */
const badGateway: Evidence = { ...serverError, repeated: 'once' }
const busy: Evidence = { ...serverError, repeated: 'rounds' }
const missingPathStatus: Evidence = { ...missingPath, movesOn: 'configured' }
const refusal: Evidence = { ...serverError, about: 'request' }

/** What an answer's status is evidence of. */
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
    // Not registered, but sent by Anthropic and what copies it for "overloaded".
    case 529:
      return busy
    case 502:
    // Of Cloudflare: the server is down, cannot be reached, or speaks badly.
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

/** What a failed attempt is evidence of. */
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
