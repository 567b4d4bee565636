import { type AttemptFailure, describeFailure, isTimeout } from '../../endpoints/connections/failure.ts'
import { parseRetryAfter } from '../../endpoints/resilience/retry-policy.ts'
import { headerValue, type UpstreamHead } from '../../http/headers/response-headers.ts'
import { errorTable, GatewayError } from '../../kernel/errors.ts'
import type { LineRefusal } from '../../routing/line/line-contract.ts'
import type { LineReason } from '../../routing/line/line-ticket.ts'
import { unavailableError } from '../../routing/models/rejection.ts'

/** The failure of an answer whose status triggers failover. */
export function failureOfStatus({ statusCode, headers }: UpstreamHead, nowMs: number): AttemptFailure {
  const retryAfter = headerValue(headers, 'retry-after')
  const retryAfterMs = retryAfter === undefined ? undefined : parseRetryAfter(retryAfter, nowMs)
  return { kind: 'status', statusCode, retryAfterMs }
}

/** The state of the candidates when a request gives up. */
export interface Outlook {
  /** Whether some endpoint would have accepted it except for its `max_concurrent`. */
  readonly anyAtCapacity: boolean
  /** When a retry by the client may succeed. */
  readonly retryAfterSeconds: number
  /** The model of a request that names one. */
  readonly model: string | undefined
  /** Why the request does not wait for a place, or no longer. */
  readonly refusal?: LineRefusal | undefined
}

/** What a client reads that may not wait, or no longer. */
const refusalTexts: Readonly<Record<LineReason, string | undefined>> = {
  off: undefined,
  full: 'the waiting line is full',
  model_full: 'the waiting line for this model is full',
  bytes: 'the requests that wait hold as many bytes as they may',
  model_bytes: 'the requests that wait for this model hold as many bytes as they may',
  too_long: 'no place became free in the time that a request may wait',
}

/**
 * The error for a request that no endpoint answered: what was tried, and when to retry.
 * @param tried `endpoint: reason`, one for each failed attempt
 */
export function giveUpError(
  tried: readonly string[],
  lastFailure: AttemptFailure | undefined,
  { anyAtCapacity, retryAfterSeconds, model, refusal }: Outlook,
): GatewayError {
  if (lastFailure === undefined) {
    if (!anyAtCapacity && model !== undefined)
      return unavailableError('model_unavailable', model, retryAfterSeconds)
    if (anyAtCapacity && refusal !== undefined) return capacityError(refusal)
    return new GatewayError(anyAtCapacity ? 'at_capacity' : 'no_healthy_endpoints', undefined, {
      retryAfterSeconds,
    })
  }
  if (lastFailure.kind === 'shortage') {
    const message = `${describeFailure(lastFailure).replace(/^t/, 'T')}: no connection to an endpoint can be made.`
    const options = { attempts: tried, cause: lastFailure.cause, retryAfterSeconds: 1 }
    return new GatewayError('out_of_resources', message, options)
  }
  const [code, opening] = isTimeout(lastFailure)
    ? (['upstream_timeout', 'No endpoint answered in time.'] as const)
    : (['upstream_failed', 'No endpoint could answer the request.'] as const)
  const options = { attempts: tried, cause: lastFailure.cause }
  return new GatewayError(code, `${opening} Tried ${tried.join('; ')}.`, options)
}

function capacityError({ reason, retryAfterSeconds }: LineRefusal): GatewayError {
  const text = refusalTexts[reason]
  const message =
    text === undefined ? undefined : `${errorTable.at_capacity.message.replace(/\.$/, '')}, and ${text}.`
  return new GatewayError('at_capacity', message, { retryAfterSeconds, details: { reason } })
}

/** The error for an answer that broke off after the client had started to read it. */
export function brokenError(failure: AttemptFailure): GatewayError {
  return new GatewayError(
    isTimeout(failure) ? 'upstream_timeout' : 'upstream_broken',
    `The endpoint did not complete its answer: ${describeFailure(failure)}.`,
  )
}
