import { shortageCells } from '../../endpoints/connections/shortages.ts'
import { listenerCells } from '../../http/connections/listener-cells.ts'
import type { CounterTable } from '../../kernel/cells/counter-table.ts'
import type { CellKind, CellLayout } from '../../kernel/cells/layout.ts'
import { isRoutable } from '../../kernel/endpoint-status.ts'
import { hedgeResults } from '../../proxy/contract/hedge-result.ts'
import { requestOutcomes } from '../../proxy/contract/outcome.ts'
import { type HedgeTotals, hedgeRefusals } from '../../proxy/hedging/hedge-cells.ts'
import type { SharedState } from '../../runtime/cells/shared-state.ts'
import { overloadCells, readOverload } from '../../runtime/overload/overload-cells.ts'
import { refusedFirst } from '../../runtime/overload/overload-level.ts'
import type { HistogramKind } from '../stats/histogram-bounds.ts'
import type { StatsCells } from '../stats/stats-cells.ts'
import { countedStatuses } from '../stats/status-columns.ts'
import type { Traffic } from '../stats/traffic.ts'
import type { EndpointSource, SecuritySource } from '../views/source.ts'
import { systemStatus } from '../views/status.ts'
import { type Exposition, joinLabels, type LabelText, labelText } from './exposition.ts'
import { exposeHistogram } from './histograms.ts'
import type { Metric } from './metric.ts'

export interface GatewayMetricsSource {
  /** As configured, for display. */
  readonly info: Readonly<Record<'version' | 'commit' | 'engine' | 'profile' | 'balancer', string>>
  /** Of the configuration in force. */
  readonly configVersion: number
  readonly nowMs: number
  readonly startedAtMs: number
  /** For counters that only one metric reads. */
  readonly state: Pick<SharedState, 'of'>
  readonly cells: StatsCells
  readonly totals: Traffic
  readonly endpoints: readonly EndpointSource[]
  readonly security: SecuritySource
  /** Requests waiting for a slot on an endpoint. */
  readonly waiting: number
  /** Undefined while hedging is off. */
  readonly hedges?: HedgeTotals | undefined
  /** Memory held by bodies, and its limit; 0 is unlimited. */
  readonly buffers: { readonly heldBytes: number; readonly limitBytes: number; readonly refusals: number }
}

const statusCodes = { healthy: 2, degraded: 1, critical: 0 } as const
const routable = ({ endpoints }: GatewayMetricsSource) =>
  endpoints.filter(({ status }) => isRoutable(status.status)).length

/** Metrics of the gateway as a whole. */
export const gatewayMetrics: readonly Metric<GatewayMetricsSource>[] = [
  {
    name: 'olla',
    type: 'info',
    help: 'Version and configuration of the gateway.',
    labels: ['version', 'commit', 'engine', 'profile', 'balancer'],
    collect: ({ info }, out) => out.sample(1, labelText(info)),
  },
  {
    name: 'olla_system_status',
    type: 'gauge',
    help: 'Overall health: 2 healthy, 1 degraded, 0 critical.',
    collect: (source, out) => {
      const { endpoints, totals } = source
      out.sample(statusCodes[systemStatus(routable(source), endpoints.length, totals.successRate)])
    },
  },
  {
    name: 'olla_config_version',
    type: 'gauge',
    help: 'Version of the configuration in force; counts up from 1 with every change.',
    collect: ({ configVersion }, out) => out.sample(configVersion),
  },
  {
    name: 'olla_uptime_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'Time since the gateway started serving.',
    collect: ({ nowMs, startedAtMs }, out) => out.sample((nowMs - startedAtMs) / 1000),
  },
  {
    name: 'olla_endpoints',
    type: 'gauge',
    help: 'Configured endpoints.',
    collect: ({ endpoints }, out) => out.sample(endpoints.length),
  },
  {
    name: 'olla_endpoints_healthy',
    type: 'gauge',
    help: 'Endpoints with status healthy.',
    collect: ({ endpoints }, out) =>
      out.sample(endpoints.filter(({ status }) => status.status === 'healthy').length),
  },
  {
    name: 'olla_endpoints_routable',
    type: 'gauge',
    help: 'Routable endpoints.',
    collect: (source, out) => out.sample(routable(source)),
  },
  {
    name: 'olla_active_connections',
    type: 'gauge',
    help: 'Requests in flight on endpoints.',
    collect: ({ endpoints }, out) =>
      out.sample(endpoints.reduce((total, { inFlight }) => total + inFlight, 0)),
  },
  {
    name: 'olla_queue_waiting',
    type: 'gauge',
    help: 'Requests waiting for an endpoint that is at its max_concurrent.',
    collect: ({ waiting }, out) => out.sample(waiting),
  },
  {
    name: 'olla_requests',
    type: 'counter',
    help: 'Finished requests, by outcome and by the status sent to the client.',
    labels: ['outcome', 'code'],
    collect: ({ cells, endpoints }, out) => {
      const rows = [...endpoints.map(({ endpoint }) => endpoint.slot), cells.endpoints.rows]
      collectStatuses(cells, rows, '', out)
    },
  },
  {
    name: 'olla_failures',
    type: 'counter',
    help: 'Requests answered with 5xx, interrupted, timed out or without an answer.',
    collect: ({ totals }, out) => out.sample(totals.failures),
  },
  {
    name: 'olla_traffic_bytes',
    type: 'counter',
    unit: 'bytes',
    help: 'Size of request and response bodies.',
    labels: ['direction'],
    collect: ({ totals }, out) => {
      out.sample(totals.requestBytes, directions.request)
      out.sample(totals.responseBytes, directions.response)
    },
  },
  {
    name: 'olla_overhead_seconds',
    type: 'counter',
    unit: 'seconds',
    help: 'Time the gateway took before sending requests to the endpoints that answered them.',
    collect: ({ totals }, out) => out.sample(totals.overheadSumMs / 1000),
  },
  {
    name: 'olla_upstream_wait_seconds',
    type: 'counter',
    unit: 'seconds',
    help: 'Time from sending requests to endpoints to the first bytes of their answers.',
    collect: ({ totals }, out) => out.sample(totals.upstreamSumMs / 1000),
  },
  {
    name: 'olla_tokens',
    type: 'counter',
    help: 'Prompt and completion tokens.',
    labels: ['type'],
    collect: ({ totals }, out) => {
      out.sample(totals.promptTokens, tokenTypes.prompt)
      out.sample(totals.completionTokens, tokenTypes.completion)
    },
  },
  {
    name: 'olla_cached_tokens',
    type: 'counter',
    help: 'Prompt tokens that endpoints had cached.',
    collect: ({ totals }, out) => out.sample(totals.cachedTokens),
  },
  {
    name: 'olla_counted_tokens',
    type: 'counter',
    help: 'Completion tokens counted by stream events, because the endpoint reported none.',
    collect: ({ totals }, out) => out.sample(totals.countedTokens),
  },
  {
    name: 'olla_attempts',
    type: 'counter',
    help: 'Attempts of requests on endpoints, including the first.',
    collect: ({ totals }, out) => out.sample(totals.attempts),
  },
  {
    name: 'olla_failed_attempts',
    type: 'counter',
    help: 'Failed attempts.',
    collect: ({ totals }, out) => out.sample(totals.failedAttempts),
  },
  {
    name: 'olla_failovers',
    type: 'counter',
    help: 'Failed attempts that were followed by another.',
    collect: ({ totals }, out) => out.sample(totals.failovers),
  },
  histogram(
    'olla_request_duration_seconds',
    'duration',
    'Time from receipt to the last byte, for successes.',
  ),
  histogram(
    'olla_time_to_first_token_seconds',
    'firstToken',
    'Time from receipt to the first token of a stream.',
  ),
  histogram('olla_inter_token_seconds', 'interToken', 'Time between the tokens of a stream.'),
  histogram(
    'olla_queue_wait_seconds',
    'queueWait',
    'Time that requests waited for an endpoint to have capacity.',
  ),
  histogram('olla_queue_depth', 'queueDepth', 'Position of requests when they began to wait.'),
  histogram('olla_request_size_bytes', 'requestSize', 'Size of request bodies.'),
  histogram('olla_request_attempts', 'attempts', 'Attempts per request.'),
  {
    name: 'olla_security_violations',
    type: 'counter',
    help: 'Requests rejected by a limit.',
    collect: ({ security }, out) => out.sample(security.rateLimits + security.sizeLimits),
  },
  {
    name: 'olla_security_rate_limit_violations',
    type: 'counter',
    help: 'Requests rejected by a rate limit.',
    collect: ({ security }, out) => out.sample(security.rateLimits),
  },
  {
    name: 'olla_security_size_limit_violations',
    type: 'counter',
    help: 'Requests rejected by a size limit.',
    collect: ({ security }, out) => out.sample(security.sizeLimits),
  },
  {
    name: 'olla_security_blocked_ips',
    type: 'gauge',
    help: 'Client addresses that hit a rate limit in the last hour.',
    collect: ({ security }, out) => out.sample(security.blockedIps),
  },
  {
    name: 'olla_security_status',
    type: 'gauge',
    help: '1 while there are unusually many violations, otherwise 0.',
    collect: ({ security }, out) => out.sample(security.status === 'elevated' ? 1 : 0),
  },
  {
    name: 'olla_buffered_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Memory held by bodies and pending answers.',
    collect: ({ buffers }, out) => out.sample(buffers.heldBytes),
  },
  {
    name: 'olla_buffered_limit_bytes',
    type: 'gauge',
    unit: 'bytes',
    help: 'Limit of the memory held by bodies and pending answers; 0 is unlimited.',
    collect: ({ buffers }, out) => out.sample(buffers.limitBytes),
  },
  {
    name: 'olla_buffer_refusals',
    type: 'counter',
    help: 'Requests and answers refused at the memory limit.',
    collect: ({ buffers }, out) => out.sample(buffers.refusals),
  },
  {
    name: 'olla_overload_level',
    type: 'gauge',
    help: 'Overload of the gateway: 0 none, 1 refuses requests of low priority, 2 of normal too, 3 of all; of the thread with the highest level.',
    collect: ({ state }, out) => out.sample(readOverload(state.of(overloadCells)).level),
  },
  {
    name: 'olla_overload_refusals',
    type: 'counter',
    help: 'Requests refused because the gateway is overloaded, by priority.',
    labels: ['priority'],
    collect: ({ state }, out) => {
      const { refused } = readOverload(state.of(overloadCells))
      for (const priority of refusedFirst) out.sample(refused[priority], priorityLabels[priority])
    },
  },
  {
    name: 'olla_hedges_started',
    type: 'counter',
    help: 'Second attempts of late requests; absent while hedging is off, as the other metrics of hedges.',
    collect: ({ hedges }, out) => {
      if (hedges !== undefined) out.sample(hedges.started)
    },
  },
  {
    name: 'olla_hedges',
    type: 'counter',
    help: 'Second attempts that are over: won (answered first, or replaced a failed one), lost, failed, or cancelled with the request.',
    labels: ['result'],
    collect: ({ hedges }, out) => {
      if (hedges === undefined) return
      for (const result of hedgeResults) out.sample(hedges.results[result], labelText({ result }))
    },
  },
  {
    name: 'olla_hedges_refused',
    type: 'counter',
    help: 'Late requests without a second attempt, by reason: requests wait in the line, no other warm endpoint is idle, or the budget is exhausted.',
    labels: ['reason'],
    collect: ({ hedges }, out) => {
      if (hedges === undefined) return
      for (const reason of hedgeRefusals) out.sample(hedges.refusals[reason], labelText({ reason }))
    },
  },
  {
    name: 'olla_hedge_prompt_tokens',
    type: 'counter',
    help: 'Prompt tokens of requests with two attempts: the second endpoint may have read as many again, which no other metric counts.',
    collect: ({ hedges }, out) => {
      if (hedges !== undefined) out.sample(hedges.promptTokens)
    },
  },
  counter(
    'olla_connection_shortages',
    'Connections to endpoints that failed because the gateway had no descriptor, port or memory left.',
    shortageCells,
    'shortages',
  ),
  counter(
    'olla_accept_pauses',
    'Number of times that the listener paused at server.max_connections.',
    listenerCells,
    'acceptPauses',
  ),
  counter(
    'olla_idle_connections_closed',
    'Idle client connections closed to make room for others.',
    listenerCells,
    'idleClosed',
  ),
]

/** Counter from the `counts` that a room declares. */
function counter<Column extends string>(
  name: string,
  help: string,
  layout: CellLayout<{ readonly counts: CellKind<CounterTable<Column>> }>,
  column: NoInfer<Column>,
): Metric<GatewayMetricsSource> {
  return {
    name,
    type: 'counter',
    help,
    collect: ({ state }, out) => {
      const { counts } = state.of(layout)
      out.sample(counts.sum(0, counts.column(column)))
    },
  }
}

export const directions = {
  request: labelText({ direction: 'request' }),
  response: labelText({ direction: 'response' }),
} as const

const priorityLabels = {
  low: labelText({ priority: 'low' }),
  normal: labelText({ priority: 'normal' }),
  high: labelText({ priority: 'high' }),
} as const

export const tokenTypes = {
  prompt: labelText({ type: 'prompt' }),
  completion: labelText({ type: 'completion' }),
} as const

const statusLabels = requestOutcomes.map((outcome) =>
  countedStatuses.map((code) => labelText({ outcome, code })),
)

/** Collects samples for the outcomes and statuses seen so far. */
export function collectStatuses(
  { statuses }: StatsCells,
  rows: readonly number[],
  labels: LabelText,
  out: Exposition,
): void {
  for (const [outcome, ofOutcome] of statusLabels.entries()) {
    for (const [status, own] of ofOutcome.entries()) {
      const column = outcome * countedStatuses.length + status
      let count = 0
      for (const row of rows) count += statuses.sum(row, column)
      if (count > 0) out.sample(count, joinLabels(labels, own))
    }
  }
}

function histogram(name: string, kind: HistogramKind, help: string): Metric<GatewayMetricsSource> {
  return {
    name,
    type: 'histogram',
    ...(name.endsWith('_seconds') ? { unit: 'seconds' as const } : {}),
    ...(name.endsWith('_bytes') ? { unit: 'bytes' as const } : {}),
    help,
    collect: ({ cells }, out) => out.histogram(exposeHistogram(kind, cells.totalHistograms[kind], [0])),
  }
}
