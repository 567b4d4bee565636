import type { ProbeRecord } from '../../endpoints/health/health-monitor.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { StatusDetail } from '../../endpoints/registry/registry.ts'
import type { BreakerSnapshot } from '../../endpoints/resilience/circuit-breaker.ts'
import type { Timings } from '../stats/timings.ts'
import type { Traffic } from '../stats/traffic.ts'
import type { EngineSource } from './engine.ts'

/** Why an endpoint gets no requests for one model now, or only trial requests. */
export interface ModelIssue {
  readonly model: string
  readonly circuit: BreakerSnapshot | undefined
  /** Remaining milliseconds of a requested pause; 0 without one. */
  readonly pauseMs: number
}

/** All data about an endpoint that views may show. */
export interface EndpointSource {
  readonly endpoint: Pick<
    Endpoint,
    'slot' | 'id' | 'name' | 'url' | 'type' | 'profile' | 'priority' | 'weight' | 'tags' | 'maxConcurrent'
  >
  readonly status: StatusDetail
  readonly inFlight: number
  readonly traffic: Traffic
  readonly timings: Timings
  readonly probe: ProbeRecord
  readonly breaker: BreakerSnapshot
  /** Models that are unavailable although the endpoint is available. */
  readonly modelIssues: readonly ModelIssue[]
  readonly modelCount: number
  /** Epoch milliseconds of the last successful read of its list; undefined before the first. */
  readonly modelsSyncedAtMs: number | undefined
  /** Why the last read of its models failed; undefined after a success. */
  readonly listError: string | undefined
  readonly engine: EngineSource
  /** Median and 90th percentile of the measured time to the first token over the estimate. */
  readonly estimateRatios?: readonly number[] | undefined
}

/** Requests that the security checks rejected. */
export interface SecuritySource {
  readonly status: 'normal' | 'elevated'
  /** Client addresses that hit a rate limit in the last hour. */
  readonly blockedIps: number
  readonly rateLimits: number
  readonly sizeLimits: number
}

/** Sorts by priority descending, healthy first, then name and ID: the order of Olla's lists. */
export function compareEndpoints(a: EndpointSource, b: EndpointSource): number {
  if (a.endpoint.priority !== b.endpoint.priority) return b.endpoint.priority - a.endpoint.priority
  const healthyFirst = Number(b.status.status === 'healthy') - Number(a.status.status === 'healthy')
  if (healthyFirst !== 0) return healthyFirst
  return compareText(a.endpoint.name, b.endpoint.name) || compareText(a.endpoint.id, b.endpoint.id)
}

/** Compares by code unit: the same on every machine. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** A success rate below this value is an issue; percent. */
const lowRatePercent = 90
/** A rate over this number of requests or fewer is not significant. */
const fewRequests = 10

/**
 * Whether too many of an endpoint's requests failed. Attempts count as well as requests: a request that failed over
 * ended well elsewhere, but its failed attempt still counts against this endpoint.
 */
export function hasLowSuccessRate({
  successRate,
  successes,
  failures,
  attempts,
  failedAttempts,
}: Traffic): boolean {
  const ofRequests = successes + failures > fewRequests && (successRate ?? 100) < lowRatePercent
  const ofAttempts = attempts > fewRequests && (1 - failedAttempts / attempts) * 100 < lowRatePercent
  return ofRequests || ofAttempts
}
