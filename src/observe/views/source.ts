import type { ProbeRecord } from '../../endpoints/health/health-monitor.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { StatusDetail } from '../../endpoints/registry/registry.ts'
import type { BreakerSnapshot } from '../../endpoints/resilience/circuit-breaker.ts'
import type { Timings } from '../stats/timings.ts'
import type { Traffic } from '../stats/traffic.ts'

/** Why requests for one model do not go to an endpoint now, or only as trials. */
export interface ModelIssue {
  readonly model: string
  readonly circuit: BreakerSnapshot | undefined
  /** Milliseconds that are left of a pause that was asked for; 0 where there is none. */
  readonly pauseMs: number
}

/** All that a view may show of an endpoint. */
export interface EndpointSource {
  readonly endpoint: Pick<
    Endpoint,
    'slot' | 'id' | 'name' | 'url' | 'type' | 'profile' | 'priority' | 'weight' | 'maxConcurrent'
  >
  readonly status: StatusDetail
  readonly inFlight: number
  readonly traffic: Traffic
  readonly timings: Timings
  readonly probe: ProbeRecord
  readonly breaker: BreakerSnapshot
  /** Models of it that are out of service there, though the endpoint is not. */
  readonly modelIssues: readonly ModelIssue[]
  readonly modelCount: number
  /** Epoch milliseconds of the last list that was read; undefined before the first. */
  readonly modelsSyncedAtMs: number | undefined
  /** Why the last look at its models failed; undefined after a success. */
  readonly listError: string | undefined
}

/** What the security concern has turned away. */
export interface SecuritySource {
  readonly status: 'normal' | 'elevated'
  /** Client addresses that were rate-limited in the last hour. */
  readonly blockedIps: number
  readonly rateLimits: number
  readonly sizeLimits: number
}

/** Priority descending, healthy first, then name and ID: the order of Olla's lists. */
export function compareEndpoints(a: EndpointSource, b: EndpointSource): number {
  if (a.endpoint.priority !== b.endpoint.priority) return b.endpoint.priority - a.endpoint.priority
  const healthyFirst = Number(b.status.status === 'healthy') - Number(a.status.status === 'healthy')
  if (healthyFirst !== 0) return healthyFirst
  return compareText(a.endpoint.name, b.endpoint.name) || compareText(a.endpoint.id, b.endpoint.id)
}

/** By code unit: the same on every machine. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** From this share of successes down, an endpoint's rate is an issue; percent. */
const lowRatePercent = 90
/** A rate over so few says nothing. */
const fewRequests = 10

/**
 * Whether too much of what went to an endpoint failed. Tries count as well as requests: those that failed over
 * ended well elsewhere, and still say something of this endpoint.
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
