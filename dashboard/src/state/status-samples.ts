import type { EndpointsView, Sample, StatusView } from '../api/types.ts'

/** The counters of one look at the status routes. */
export interface CounterReading {
  readonly atMs: number
  readonly startedAt: string
  readonly status: StatusView
  readonly endpoints: EndpointsView | undefined
}

/** Between two readings further apart nothing can be said of a moment: the later one begins anew. */
const longestIntervalMs = 30_000

/**
 * A sample out of two readings of the status routes, for when the event stream cannot be had. What only the
 * stream tells (tokens, percentiles) is missing from it.
 * @returns undefined where the two do not belong together: a restart, a long pause, counters that went back
 */
export function sampleBetween(before: CounterReading, after: CounterReading): Sample | undefined {
  const intervalMs = after.atMs - before.atMs
  if (before.startedAt !== after.startedAt) return undefined
  if (intervalMs <= 0 || intervalMs > longestIntervalMs) return undefined
  const was = before.status.system
  const is = after.status.system
  const requests = is.total_requests - was.total_requests
  const failures = is.total_failures - was.total_failures
  const clientClosed = is.client_closed - was.client_closed
  if (requests < 0 || failures < 0 || clientClosed < 0) return undefined
  return {
    at_ms: after.atMs,
    interval_ms: intervalMs,
    requests,
    successes: Math.max(0, requests - failures - clientClosed),
    failures,
    rejections: 0,
    client_closed: clientClosed,
    cancelled: 0,
    prompt_tokens: 0,
    completion_tokens: 0,
    request_bytes: 0,
    response_bytes: 0,
    in_flight: is.active_connections,
    waiting: 0,
    first_token_ms: null,
    duration_ms: null,
    events_dropped: 0,
    endpoints: endpointSamples(before.endpoints, after.endpoints),
  }
}

function endpointSamples(
  before: EndpointsView | undefined,
  after: EndpointsView | undefined,
): Sample['endpoints'] {
  const rows: Record<string, Sample['endpoints'][string]> = {}
  const known = new Map(before?.endpoints.map((endpoint) => [endpoint.id, endpoint]))
  for (const endpoint of after?.endpoints ?? []) {
    const was = known.get(endpoint.id)
    if (was === undefined) continue
    const requests = endpoint.request_count - was.request_count
    const failures = endpoint.failures - was.failures
    if (requests < 0 || failures < 0 || requests + endpoint.in_flight === 0) continue
    rows[endpoint.id] = [endpoint.in_flight, requests, failures, null]
  }
  return rows
}
