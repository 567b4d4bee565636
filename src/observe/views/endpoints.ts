import { type Static, Type } from '@sinclair/typebox'
import { isRoutable } from '../../kernel/endpoint-status.ts'
import { formatAgo, formatLatency, formatPercentage, formatTime } from '../../kernel/format.ts'
import { breakerView } from './breaker.ts'
import { EngineField, engineView } from './engine.ts'
import {
  Ago,
  BreakerField,
  Count,
  EndpointStatusField,
  Latency,
  Milliseconds,
  Percentage,
  present,
  Text,
  Time,
} from './fields.ts'
import { compareEndpoints, type EndpointSource, hasLowSuccessRate, type ModelIssue } from './source.ts'
import { timingFields, timingView } from './timings.ts'

const EndpointDetail = Type.Object({
  id: Text('Base36 FNV-1a-32 of the URL.'),
  name: Text(),
  type: Text('As configured.'),
  profile: Type.Optional(
    Text('The backend profile in force; absent while `auto` has not found one (beyond Olla).'),
  ),
  status: EndpointStatusField,
  status_reason: Text('The evidence for the status (beyond Olla).'),
  status_since: Time('Time of the last change of status (beyond Olla).'),
  url: Text('Without credentials, query and fragment.'),
  tags: Type.Optional(Type.Array(Type.String(), { description: 'Absent without any (beyond Olla).' })),
  priority: Type.Integer(),
  weight: Type.Number({ description: 'Share within its priority (beyond Olla).' }),
  max_concurrent: Count('Maximum concurrent requests; 0 is unlimited (beyond Olla).'),
  in_flight: Count('Requests in flight (beyond Olla).'),
  model_count: Count(),
  request_count: Count('Finished requests.'),
  failures: Count('Failed requests (beyond Olla).'),
  client_closed: Count('Requests whose client disconnected (beyond Olla).'),
  attempts: Count('Attempts, including those that failed over (beyond Olla).'),
  failed_attempts: Count('Failed attempts (beyond Olla).'),
  failovers: Count('Failed attempts that were followed by another (beyond Olla).'),
  active_connections: Count(),
  avg_latency_ms: Type.Optional(Milliseconds('Mean over successes; absent before the first.')),
  min_latency_ms: Milliseconds(),
  max_latency_ms: Milliseconds(),
  ...timingFields,
  prompt_tokens: Count('Beyond Olla.'),
  completion_tokens: Count('Beyond Olla.'),
  cached_tokens: Count('Prompt tokens that were cached (beyond Olla).'),
  tokens_per_second: Type.Optional(
    Type.Number({
      description: 'Mean generation speed; absent before the first measurement (beyond Olla).',
    }),
  ),
  success_rate: Percentage(),
  health_check: Ago(),
  health_check_at: Type.Optional(Time()),
  next_check_at: Type.Optional(Time()),
  last_model_sync: Type.Optional(Ago()),
  last_model_sync_at: Type.Optional(Time()),
  response_time: Type.Optional(Latency()),
  last_error: Type.Optional(
    Text(
      'Why the last probe failed, a circuit is open, or the model list could not be read, in this order (beyond Olla).',
    ),
  ),
  issues: Type.Optional(
    Text(
      '`unavailable`, `circuit open`, `model list failed`, `no models`, `models failing`, `unstable` or `low success rate`.',
    ),
  ),
  breaker: BreakerField,
  engine: Type.Optional(EngineField),
  estimate_ratio: Type.Optional(
    Type.Object(
      { p50: Type.Number(), p90: Type.Number() },
      {
        description:
          'Measured time to the first token over the estimate, with `expected-latency`; 1 is exact (beyond Olla).',
      },
    ),
  ),
  models_out: Type.Optional(
    Type.Array(
      Type.Object({
        model: Text('As the endpoint spells it.'),
        breaker: Type.Optional(BreakerField),
        pause_ms: Type.Optional(Count('Remaining time of a pause that the endpoint requested.')),
      }),
      {
        description:
          'Models that get no requests now, or only trial requests, while the endpoint serves others (beyond Olla).',
      },
    ),
  ),
})

export const EndpointsSchema = Type.Object({
  timestamp: Time(),
  endpoints: Type.Array(EndpointDetail),
  total_count: Count(),
  healthy_count: Count('Status `healthy`.'),
  routable_count: Count('Routable endpoints.'),
})

export type EndpointsView = Static<typeof EndpointsSchema>

/** `/internal/status/endpoints`. */
export function endpointsView(endpoints: readonly EndpointSource[], nowMs: number): EndpointsView {
  return {
    timestamp: formatTime(nowMs),
    endpoints: [...endpoints].sort(compareEndpoints).map((source) => endpointDetail(source, nowMs)),
    total_count: endpoints.length,
    healthy_count: endpoints.filter(({ status }) => status.status === 'healthy').length,
    routable_count: endpoints.filter(({ status }) => isRoutable(status.status)).length,
  }
}

function endpointDetail(source: EndpointSource, nowMs: number): EndpointsView['endpoints'][number] {
  const { endpoint, status, traffic, probe, modelsSyncedAtMs } = source
  return {
    id: endpoint.id,
    name: endpoint.name,
    type: endpoint.type,
    status: status.status,
    status_reason: status.reason,
    status_since: formatTime(status.sinceMs),
    url: endpoint.url,
    ...(endpoint.tags.length === 0 ? {} : { tags: [...endpoint.tags] }),
    priority: endpoint.priority,
    weight: endpoint.weight,
    max_concurrent: endpoint.maxConcurrent,
    in_flight: source.inFlight,
    model_count: source.modelCount,
    request_count: traffic.requests,
    failures: traffic.failures,
    client_closed: traffic.clientClosed,
    attempts: traffic.attempts,
    failed_attempts: traffic.failedAttempts,
    failovers: traffic.failovers,
    active_connections: source.inFlight,
    min_latency_ms: Math.round(traffic.minMs),
    max_latency_ms: Math.round(traffic.maxMs),
    ...timingView(source.timings),
    prompt_tokens: traffic.promptTokens,
    completion_tokens: traffic.completionTokens,
    cached_tokens: traffic.cachedTokens,
    success_rate: formatPercentage(traffic.successRate),
    health_check: formatAgo(probe.lastCheckMs, nowMs),
    ...present({
      profile: endpoint.profile?.name,
      tokens_per_second: traffic.tokensPerSecond,
      avg_latency_ms: traffic.averageMs === undefined ? undefined : Math.round(traffic.averageMs),
      health_check_at: probe.lastCheckMs === undefined ? undefined : formatTime(probe.lastCheckMs),
      next_check_at: probe.nextCheckMs === undefined ? undefined : formatTime(probe.nextCheckMs),
      last_model_sync: modelsSyncedAtMs === undefined ? undefined : formatAgo(modelsSyncedAtMs, nowMs),
      last_model_sync_at: modelsSyncedAtMs === undefined ? undefined : formatTime(modelsSyncedAtMs),
      response_time: probe.lastLatencyMs === undefined ? undefined : formatLatency(probe.lastLatencyMs),
      last_error: probe.lastError ?? circuitReason(source) ?? source.listError,
      issues: issueOf(source),
      engine: engineView(source.engine),
      estimate_ratio: ratioView(source.estimateRatios),
      models_out: source.modelIssues.length === 0 ? undefined : source.modelIssues.map(modelOut),
    }),
    breaker: breakerView(source.breaker),
  }
}

function ratioView(ratios: readonly number[] | undefined): { p50: number; p90: number } | undefined {
  const [p50, p90] = ratios ?? []
  if (p50 === undefined || p90 === undefined) return undefined
  return { p50: Math.round(p50 * 100) / 100, p90: Math.round(p90 * 100) / 100 }
}

function modelOut({ model, circuit, pauseMs }: ModelIssue) {
  return {
    model,
    ...present({
      breaker: circuit === undefined ? undefined : breakerView(circuit),
      pause_ms: pauseMs > 0 ? Math.ceil(pauseMs) : undefined,
    }),
  }
}

/** Why a circuit of the endpoint, or of one of its models, is not closed. */
function circuitReason({ breaker, modelIssues }: EndpointSource): string | undefined {
  if (breaker.state !== 'closed') return breaker.reason
  const failing = modelIssues.find(({ circuit }) => circuit !== undefined)
  return failing?.circuit === undefined ? undefined : `${failing.model}: ${failing.circuit.reason}`
}

function issueOf(source: EndpointSource): string | undefined {
  const { status, probe, traffic } = source
  if (status.status !== 'unknown' && !isRoutable(status.status)) return 'unavailable'
  if (source.breaker.state !== 'closed') return 'circuit open'
  if (source.listError !== undefined) return 'model list failed'
  if (source.modelsSyncedAtMs !== undefined && source.modelCount === 0) return 'no models'
  if (source.modelIssues.length > 0) return 'models failing'
  if (probe.consecutiveFailures > 3) return 'unstable'
  return hasLowSuccessRate(traffic) ? 'low success rate' : undefined
}
