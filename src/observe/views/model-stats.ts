import { type Static, Type } from '@sinclair/typebox'
import { formatAgo, formatBytes, formatLatency, formatPercentage, formatTime } from '../../kernel/format.ts'
import type { ModelTraffic, PlacementTraffic } from '../stats/gateway-stats.ts'
import { successRate, type Traffic } from '../stats/traffic.ts'
import { Ago, ByteText, Count, Latency, Percentage, present, Text, Time } from './fields.ts'
import { compareText } from './source.ts'
import { timingFields, timingView } from './timings.ts'

const EndpointBreakdown = Type.Object({
  endpoint_name: Text(),
  request_count: Count(),
  success_rate: Type.Number({ description: '0 to 100; 0 before the first request.' }),
  average_latency: Latency(),
  last_used: Ago(),
  consecutive_errors: Count('Failures since the last success.'),
})

const ModelRow = Type.Object({
  name: Text('`(other)`: names that no endpoint is known to have.'),
  total_requests: Count(),
  successful_requests: Count(),
  failed_requests: Count(),
  client_closed: Count('Requests whose client disconnected (beyond Olla).'),
  success_rate: Percentage(),
  total_traffic: ByteText(),
  average_latency: Latency(),
  p95_latency: Latency(),
  p99_latency: Latency(),
  average_first_byte: Latency(),
  last_requested: Ago(),
  unique_clients: Count('Estimate, within 5 % up to about 5,000.'),
  routing_hits: Count('Requests sent to an endpoint known to have the model.'),
  routing_misses: Count('Requests rejected because no endpoint had the model.'),
  routing_fallbacks: Count('Requests sent to an endpoint not known to have the model.'),
  prompt_tokens: Count('As reported by endpoints (beyond Olla).'),
  completion_tokens: Count('As reported by endpoints (beyond Olla).'),
  cached_tokens: Count('Prompt tokens that were cached (beyond Olla).'),
  tokens_per_second: Type.Optional(
    Type.Number({
      description: 'Mean generation speed; absent before the first measurement (beyond Olla).',
    }),
  ),
  ...timingFields,
  endpoint_breakdown: Type.Optional(Type.Record(Type.String(), EndpointBreakdown)),
})

export const ModelStatsSchema = Type.Object({
  timestamp: Time(),
  endpoints: Type.Record(Type.String(), EndpointBreakdown, { description: 'With `include_summary=true`.' }),
  models: Type.Array(ModelRow, { description: 'Most requested first.' }),
  summary: Type.Object({
    total_models: Count(),
    active_models: Count('Requested in the last hour.'),
    total_requests: Count(),
    overall_success_rate: Percentage(),
    total_traffic: ByteText(),
    most_popular_model: Text(),
    least_popular_model: Text(),
  }),
})

export type ModelStatsView = Static<typeof ModelStatsSchema>
type Breakdown = Static<typeof EndpointBreakdown>

export interface ModelStatsSource {
  readonly models: readonly ModelTraffic[]
  readonly endpoints: readonly { readonly slot: number; readonly name: string; readonly traffic: Traffic }[]
  /** Epoch milliseconds. */
  readonly nowMs: number
  /** `include_endpoints=true`: adds each model's endpoints. */
  readonly includeEndpoints: boolean
  /** `include_summary=true`: adds the endpoints over all models. */
  readonly includeSummary: boolean
}

const hourMs = 3_600_000

/** `/internal/stats/models`. */
export function modelStatsView({
  models,
  endpoints,
  nowMs,
  includeEndpoints,
  includeSummary,
}: ModelStatsSource): ModelStatsView {
  const sorted = [...models].sort(
    (a, b) => b.traffic.requests - a.traffic.requests || compareText(a.name, b.name),
  )
  const names = new Map(endpoints.map(({ slot, name }) => [slot, name]))
  const placements = models.flatMap((model) => model.placements)
  return {
    timestamp: formatTime(nowMs),
    endpoints: includeSummary
      ? Object.fromEntries(
          endpoints
            .filter(({ traffic }) => traffic.requests > 0)
            .map(({ slot, name, traffic }) => [name, endpointTotal(slot, name, traffic, placements, nowMs)]),
        )
      : {},
    models: sorted.map((model) => ({
      ...modelRow(model, nowMs),
      ...present({
        endpoint_breakdown:
          includeEndpoints && model.placements.length > 0
            ? breakdown(model.placements, names, nowMs)
            : undefined,
      }),
    })),
    summary: summary(sorted, nowMs),
  }
}

function modelRow({ name, traffic, timings, clients }: ModelTraffic, nowMs: number): Static<typeof ModelRow> {
  return {
    name,
    total_requests: traffic.requests,
    successful_requests: traffic.successes,
    failed_requests: traffic.failures,
    client_closed: traffic.clientClosed,
    success_rate: formatPercentage(traffic.successRate),
    total_traffic: formatBytes(traffic.responseBytes),
    average_latency: formatLatency(traffic.averageMs ?? 0),
    p95_latency: formatLatency(timings.duration?.p95 ?? 0),
    p99_latency: formatLatency(timings.duration?.p99 ?? 0),
    average_first_byte: formatLatency(traffic.averageFirstByteMs ?? 0),
    last_requested: formatAgo(traffic.lastUsedAtMs, nowMs),
    unique_clients: clients,
    routing_hits: traffic.routingHits,
    routing_misses: traffic.routingMisses,
    routing_fallbacks: traffic.routingFallbacks,
    prompt_tokens: traffic.promptTokens,
    completion_tokens: traffic.completionTokens,
    cached_tokens: traffic.cachedTokens,
    ...present({ tokens_per_second: traffic.tokensPerSecond }),
    ...timingView(timings),
  }
}

function breakdown(
  placements: readonly PlacementTraffic[],
  names: ReadonlyMap<number, string>,
  nowMs: number,
): Record<string, Breakdown> {
  const rows: [string, Breakdown][] = []
  for (const placement of placements) {
    const name = names.get(placement.slot)
    if (name === undefined) continue
    rows.push([
      name,
      {
        endpoint_name: name,
        request_count: placement.requests,
        success_rate: placement.successRate ?? 0,
        average_latency: formatLatency(placement.averageMs ?? 0),
        last_used: formatAgo(placement.lastUsedAtMs, nowMs),
        consecutive_errors: placement.failuresInRow,
      },
    ])
  }
  return Object.fromEntries(rows)
}

function endpointTotal(
  slot: number,
  name: string,
  traffic: Traffic,
  placements: readonly PlacementTraffic[],
  nowMs: number,
): Breakdown {
  const here = placements.filter((placement) => placement.slot === slot)
  return {
    endpoint_name: name,
    request_count: traffic.requests,
    success_rate: traffic.successRate ?? 0,
    average_latency: formatLatency(traffic.averageMs ?? 0),
    last_used: formatAgo(traffic.lastUsedAtMs, nowMs),
    consecutive_errors: Math.max(0, ...here.map(({ failuresInRow }) => failuresInRow)),
  }
}

/** @param models by number of requests, descending */
function summary(models: readonly ModelTraffic[], nowMs: number): ModelStatsView['summary'] {
  const sum = (read: (traffic: Traffic) => number) =>
    models.reduce((total, { traffic }) => total + read(traffic), 0)
  const requested = models.filter(({ traffic }) => traffic.requests > 0)
  return {
    total_models: models.length,
    active_models: requested.filter(({ traffic }) => (traffic.lastUsedAtMs ?? 0) > nowMs - hourMs).length,
    total_requests: sum(({ requests }) => requests),
    overall_success_rate: formatPercentage(
      successRate(
        sum(({ successes }) => successes),
        sum(({ failures }) => failures),
      ),
    ),
    total_traffic: formatBytes(sum(({ responseBytes }) => responseBytes)),
    most_popular_model: requested[0]?.name ?? '',
    least_popular_model: requested.at(-1)?.name ?? '',
  }
}
