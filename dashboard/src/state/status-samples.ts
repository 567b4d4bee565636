import type { EndpointsView, Sample, StatusView } from '../api/types.ts'

/** The counters of one poll of the status routes. */
export interface CounterReading {
  readonly atMs: number
  readonly startedAt: string
  readonly status: StatusView
  readonly endpoints: EndpointsView | undefined
}

/** Two readings further apart give no sample; the later one starts a new series. */
const maxIntervalMs = 30_000

/**
 * A sample from two readings of the status routes, for use without the event stream. It lacks what only the stream
 * reports (tokens, percentiles).
 * @returns undefined if the two do not belong together: a restart, a long pause, counters that decreased
 */
export function sampleBetween(before: CounterReading, after: CounterReading): Sample | undefined {
  const intervalMs = after.atMs - before.atMs
  if (before.startedAt !== after.startedAt) return undefined
  if (intervalMs <= 0 || intervalMs > maxIntervalMs) return undefined
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
