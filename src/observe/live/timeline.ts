import { translationText } from '../../dialects/translate/request-translation.ts'
import { type EstimateView, estimateView } from '../views/estimate.ts'
import type { RecentRequest } from './recent-requests.ts'

/** An attempt with its times from receipt; milliseconds. */
export interface TimedAttempt {
  readonly endpoint: string
  readonly started_ms: number
  readonly connected_ms: number | null
  readonly first_byte_ms: number | null
  readonly ended_ms: number
  readonly outcome: string
}

export interface TimelineEntry {
  readonly name: string
  /** Milliseconds from receipt. */
  readonly at_ms: number
  readonly endpoint: string | null
  /** The APIs of client and endpoint, of the entry `translated`. */
  readonly translation?: string
  /** What the gateway expected, of the last entry `attempt`. */
  readonly estimate?: EstimateView
}

/** Name of the final entry by outcome. */
const endings = {
  success: 'last_byte',
  rejection: 'last_byte',
  failure: 'failed',
  client_closed: 'client_closed',
  cancelled: 'cancelled',
} as const satisfies Record<RecentRequest['outcome'], string>

/** Lists the events of a request in order. */
export function timelineOf(request: RecentRequest, attempts: readonly TimedAttempt[]): TimelineEntry[] {
  const entries: TimelineEntry[] = [{ name: 'received', at_ms: 0, endpoint: null }]
  const add = (name: string, ms: number | null, endpoint: string | null = null) => {
    if (ms !== null && !Number.isNaN(ms)) entries.push({ name, at_ms: Math.round(ms * 10) / 10, endpoint })
  }
  const { routedMs, queuedMs, firstTokenMs, durationMs, outcome, status } = request
  add('routed', routedMs)
  const first = attempts[0]
  // A request only queues before its first attempt, so the wait ended with the attempt's start or the request's end.
  if (!Number.isNaN(queuedMs)) add('queued', Math.max(0, (first?.started_ms ?? durationMs) - queuedMs))
  for (const attempt of attempts) {
    const { estimate } = request
    if (attempt === attempts.at(-1) && estimate !== undefined) {
      entries.push({
        name: 'attempt',
        at_ms: attempt.started_ms,
        endpoint: attempt.endpoint,
        estimate: estimateView(estimate),
      })
    } else add('attempt', attempt.started_ms, attempt.endpoint)
    if (attempt === attempts.at(-1) && request.translation !== undefined) {
      entries.push({
        name: 'translated',
        at_ms: attempt.started_ms,
        endpoint: attempt.endpoint,
        translation: translationText(request.translation),
      })
    }
    add('sent', attempt.connected_ms, attempt.endpoint)
    add('first_byte', attempt.first_byte_ms, attempt.endpoint)
    if (attempt.first_byte_ms !== null) add('first_token', firstTokenMs, attempt.endpoint)
    if (attempt.outcome === 'failed') add('attempt_failed', attempt.ended_ms, attempt.endpoint)
    if (attempt.outcome === 'abandoned' && attempt !== attempts.at(-1))
      add('attempt_aborted', attempt.ended_ms, attempt.endpoint)
  }
  // Two attempts ran at the same time.
  if (request.hedge !== undefined) entries.sort((one, other) => one.at_ms - other.at_ms)
  const isRefused = outcome === 'rejection' && attempts.length === 0
  // A complete 5xx response still ends with its last byte.
  const isWhole = outcome === 'failure' && request.endpoint !== undefined && status >= 500
  const name = isRefused ? 'rejected' : isWhole ? 'last_byte' : endings[outcome]
  add(name, durationMs, request.endpoint ?? null)
  return entries
}
