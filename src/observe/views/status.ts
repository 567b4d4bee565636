import { type Static, Type } from '@sinclair/typebox'
import { isRoutable } from '../../kernel/endpoint-status.ts'
import {
  formatAgo,
  formatBytes,
  formatDuration,
  formatLatency,
  formatPercentage,
  formatTime,
  formatUntil,
} from '../../kernel/format.ts'
import type { HedgeTotals } from '../../proxy/hedging/hedge-cells.ts'
import type { OverloadState } from '../../runtime/overload/overload-cells.ts'
import type { Traffic } from '../stats/traffic.ts'
import { breakerView } from './breaker.ts'
import { CallersField, type CallersSource, callersView } from './callers.ts'
import {
  Ago,
  BreakerField,
  ByteText,
  Choice,
  Count,
  EndpointStatusField,
  Latency,
  Milliseconds,
  Percentage,
  present,
  Text,
  Time,
} from './fields.ts'
import { compareEndpoints, type EndpointSource, hasLowSuccessRate, type SecuritySource } from './source.ts'

const EndpointRow = Type.Object({
  id: Text('Base36 FNV-1a-32 of the URL.'),
  name: Text(),
  url: Text('Without credentials, query and fragment.'),
  status: EndpointStatusField,
  priority: Type.Integer(),
  connections: Count('Requests in flight.'),
  requests: Count('Finished requests.'),
  success_rate: Percentage(),
  avg_latency: Latency(),
  avg_latency_ms: Type.Optional(Milliseconds('Mean over successes; absent before the first.')),
  min_latency_ms: Milliseconds(),
  max_latency_ms: Milliseconds(),
  traffic: ByteText(),
  last_check: Ago(),
  next_check: Text('`in 3s`, `now`, `unknown`.'),
  health_check_at: Type.Optional(Time()),
  next_check_at: Type.Optional(Time()),
  models: Type.Object({ count: Count(), last_updated: Type.Optional(Time()) }),
  issues: Text('Comma-separated; empty if there are none.'),
  breaker: BreakerField,
})

export const StatusSchema = Type.Object({
  timestamp: Time(),
  proxy: Type.Object({ engine: Text(), profile: Text(), balancer: Text() }),
  endpoints: Type.Array(EndpointRow),
  security: Type.Object({
    status: Choice(['normal', 'elevated']),
    blocked_ips: Count('Addresses that hit a rate limit in the last hour.'),
    violations: Type.Object({ rate_limits: Count(), size_limits: Count() }),
  }),
  overload: Type.Optional(
    Type.Object(
      {
        level: Count('0 to 3, of the thread with the highest level.'),
        refuses: Type.Array(Choice(['low', 'normal', 'high']), {
          description: 'Priorities whose requests are refused now.',
        }),
        refused: Type.Object({ low: Count(), normal: Count(), high: Count() }),
      },
      { description: 'Requests refused because the gateway is overloaded (beyond Olla).' },
    ),
  ),
  hedging: Type.Optional(
    Type.Object(
      {
        started: Count(),
        won: Count('Answered first, or replaced a first attempt that failed.'),
        lost: Count('The first attempt answered first.'),
        failed: Count(),
        cancelled: Count('The request ended before either attempt answered.'),
        refused: Type.Object(
          { line: Count(), not_idle: Count(), budget: Count() },
          { description: 'Late requests without a second attempt, by reason.' },
        ),
        prompt_tokens: Count('Of requests with two attempts.'),
      },
      { description: 'Second attempts of late requests; absent while `proxy.hedging` is off (beyond Olla).' },
    ),
  ),
  system: Type.Object({
    start_time: Time(),
    uptime: Text('`29s`, `5m`, `2h 3m`, `1d 2h`.'),
    version: Text(),
    commit: Text(),
    config_version: Count('Of the configuration in force; counts up from 1 with every change (beyond Olla).'),
    status: Choice(['healthy', 'degraded', 'critical']),
    endpoints_up: Text('`n/m`.'),
    success_rate: Percentage(),
    avg_latency: Latency(),
    total_traffic: ByteText(),
    active_connections: Count(),
    security_violations: Count(),
    total_requests: Count(),
    total_failures: Count(),
    client_closed: Count('Requests whose client disconnected (beyond Olla).'),
    has_traffic: Type.Boolean(),
  }),
  callers: Type.Optional(CallersField),
})

export type StatusView = Static<typeof StatusSchema>
type SystemStatus = StatusView['system']['status']

export interface StatusSource {
  /** Epoch milliseconds. */
  readonly nowMs: number
  readonly startedAtMs: number
  readonly version: string
  readonly commit: string
  readonly configVersion: number
  readonly proxy: StatusView['proxy']
  readonly endpoints: readonly EndpointSource[]
  readonly totals: Traffic
  readonly security: SecuritySource
  /** Undefined if the gateway does not watch it. */
  readonly overload?: OverloadState | undefined
  /** Undefined while hedging is off. */
  readonly hedges?: HedgeTotals | undefined
  /** Undefined if clients need no keys. */
  readonly callerParts?: CallersSource | undefined
}

/** `/internal/status`. */
export function statusView(source: StatusSource): StatusView {
  const { nowMs, startedAtMs, endpoints, totals, security } = source
  const up = endpoints.filter(({ status }) => isRoutable(status.status)).length
  const violations = security.rateLimits + security.sizeLimits
  return {
    timestamp: formatTime(nowMs),
    proxy: source.proxy,
    endpoints: [...endpoints].sort(compareEndpoints).map((endpoint) => endpointRow(endpoint, nowMs)),
    security: {
      status: security.status,
      blocked_ips: security.blockedIps,
      violations: { rate_limits: security.rateLimits, size_limits: security.sizeLimits },
    },
    ...(source.overload === undefined ? {} : { overload: overloadView(source.overload) }),
    ...(source.hedges === undefined ? {} : { hedging: hedgingView(source.hedges) }),
    system: {
      start_time: formatTime(startedAtMs),
      uptime: formatDuration(nowMs - startedAtMs),
      version: source.version,
      commit: source.commit,
      config_version: source.configVersion,
      status: systemStatus(up, endpoints.length, totals.successRate),
      endpoints_up: `${up}/${endpoints.length}`,
      success_rate: formatPercentage(totals.successRate),
      avg_latency: formatLatency(totals.averageMs ?? 0),
      total_traffic: formatBytes(totals.responseBytes),
      active_connections: endpoints.reduce((sum, { inFlight }) => sum + inFlight, 0),
      security_violations: violations,
      total_requests: totals.requests,
      total_failures: totals.failures,
      client_closed: totals.clientClosed,
      has_traffic: totals.requests > 0,
    },
    ...(source.callerParts === undefined ? {} : { callers: callersView(source.callerParts, nowMs) }),
  }
}

function hedgingView(totals: HedgeTotals): NonNullable<StatusView['hedging']> {
  const { started, results, refusals, promptTokens } = totals
  return { started, ...results, refused: refusals, prompt_tokens: promptTokens }
}

function overloadView({ level, refuses, refused }: OverloadState): NonNullable<StatusView['overload']> {
  return { level, refuses: [...refuses], refused }
}

/** @param successRate percent; undefined if only the endpoints determine the status */
export function systemStatus(up: number, endpoints: number, successRate = 100): SystemStatus {
  const upRatio = endpoints === 0 ? 0 : up / endpoints
  if (upRatio < 0.5 || successRate < 90) return 'critical'
  return upRatio < 0.8 || successRate < 95 ? 'degraded' : 'healthy'
}

function endpointRow(source: EndpointSource, nowMs: number): StatusView['endpoints'][number] {
  const { endpoint, status, traffic, probe } = source
  return {
    id: endpoint.id,
    name: endpoint.name,
    url: endpoint.url,
    status: status.status,
    priority: endpoint.priority,
    connections: source.inFlight,
    requests: traffic.requests,
    success_rate: formatPercentage(traffic.successRate),
    avg_latency: formatLatency(traffic.averageMs ?? 0),
    ...present({
      avg_latency_ms: traffic.averageMs === undefined ? undefined : Math.round(traffic.averageMs),
      health_check_at: probe.lastCheckMs === undefined ? undefined : formatTime(probe.lastCheckMs),
      next_check_at: probe.nextCheckMs === undefined ? undefined : formatTime(probe.nextCheckMs),
    }),
    min_latency_ms: Math.round(traffic.minMs),
    max_latency_ms: Math.round(traffic.maxMs),
    traffic: formatBytes(traffic.responseBytes),
    last_check: formatAgo(probe.lastCheckMs, nowMs),
    next_check: formatUntil(probe.nextCheckMs, nowMs),
    models: {
      count: source.modelCount,
      ...present({
        last_updated: source.modelsSyncedAtMs === undefined ? undefined : formatTime(source.modelsSyncedAtMs),
      }),
    },
    issues: issuesOf(source).join(', '),
    breaker: breakerView(source.breaker),
  }
}

function issuesOf({ status, traffic, probe }: EndpointSource): string[] {
  const issues: string[] = []
  if (probe.consecutiveFailures > 3) issues.push('consecutive failures')
  if (hasLowSuccessRate(traffic)) issues.push('low success rate')
  if ((traffic.averageMs ?? 0) > 5000) issues.push('high latency')
  if (status.status !== 'unknown' && !isRoutable(status.status)) issues.push('unavailable')
  return issues
}
