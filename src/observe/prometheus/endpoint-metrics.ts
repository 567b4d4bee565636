import { breakerStates } from '../../kernel/breaker-state.ts'
import { endpointStatuses, isRoutable } from '../../kernel/endpoint-status.ts'
import type { RowHistogram } from '../stats/histogram-bounds.ts'
import type { StatsCells } from '../stats/stats-cells.ts'
import type { EndpointSource } from '../views/source.ts'
import { joinLabels, type LabelText, labelText } from './exposition.ts'
import { collectStatuses, directions, tokenTypes } from './gateway-metrics.ts'
import { exposeHistogram } from './histograms.ts'
import type { Metric } from './metric.ts'

export interface MetricEndpoint extends EndpointSource {
  /** `endpoint="…"`. */
  readonly labels: LabelText
}

export interface EndpointMetricsSource {
  readonly cells: StatsCells
  readonly endpoints: readonly MetricEndpoint[]
}

/** Returns endpoints by name; adds the ID to a name that is already taken, so that no series appears twice. */
export function labelEndpoints(endpoints: readonly EndpointSource[]): MetricEndpoint[] {
  const taken = new Set<string>()
  return endpoints.map((source) => {
    const { name, id } = source.endpoint
    const label = taken.has(name) ? `${name} (${id})` : name
    taken.add(label)
    return { ...source, labels: labelText({ endpoint: label }) }
  })
}

const statusLabels = endpointStatuses.map((status) => labelText({ status }))
const stateLabels = breakerStates.map((state) => labelText({ state }))

/** Metrics per endpoint. */
export const endpointMetrics: readonly Metric<EndpointMetricsSource>[] = [
  gauge('olla_endpoint_up', '1 if the endpoint is routable, otherwise 0.', ({ status }) =>
    isRoutable(status.status) ? 1 : 0,
  ),
  {
    name: 'olla_endpoint_status',
    type: 'gauge',
    help: '1 for the current status of the endpoint, 0 for all others.',
    labels: ['endpoint', 'status'],
    collect: ({ endpoints }, out) => {
      for (const { labels, status } of endpoints) {
        for (const [index, each] of endpointStatuses.entries()) {
          out.sample(status.status === each ? 1 : 0, joinLabels(labels, statusLabels[index] ?? ''))
        }
      }
    },
  },
  {
    name: 'olla_endpoint_breaker_state',
    type: 'gauge',
    help: "1 for the current state of the endpoint's circuit breaker, 0 for all others.",
    labels: ['endpoint', 'state'],
    collect: ({ endpoints }, out) => {
      for (const { labels, breaker } of endpoints) {
        for (const [index, each] of breakerStates.entries()) {
          out.sample(breaker.state === each ? 1 : 0, joinLabels(labels, stateLabels[index] ?? ''))
        }
      }
    },
  },
  gauge(
    'olla_endpoint_models_out',
    'Models with a circuit that is not closed, or with a pause, while the endpoint serves other models.',
    ({ modelIssues }) => modelIssues.length,
  ),
  {
    name: 'olla_endpoint_requests',
    type: 'counter',
    help: 'Finished requests of the endpoint, by outcome and by the status sent to the client.',
    labels: ['endpoint', 'outcome', 'code'],
    collect: ({ cells, endpoints }, out) => {
      for (const { labels, endpoint } of endpoints) collectStatuses(cells, [endpoint.slot], labels, out)
    },
  },
  counter('olla_endpoint_attempts', 'Attempts on the endpoint.', ({ traffic }) => traffic.attempts),
  counter('olla_endpoint_failed_attempts', 'Failed attempts.', ({ traffic }) => traffic.failedAttempts),
  counter(
    'olla_endpoint_failovers',
    'Failed attempts that were followed by another, here or elsewhere.',
    (source) => source.traffic.failovers,
  ),
  {
    name: 'olla_endpoint_traffic_bytes',
    type: 'counter',
    unit: 'bytes',
    help: 'Size of request and response bodies.',
    labels: ['endpoint', 'direction'],
    collect: ({ endpoints }, out) => {
      for (const { labels, traffic } of endpoints) {
        out.sample(traffic.requestBytes, joinLabels(labels, directions.request))
        out.sample(traffic.responseBytes, joinLabels(labels, directions.response))
      }
    },
  },
  {
    name: 'olla_endpoint_tokens',
    type: 'counter',
    help: 'Prompt and completion tokens.',
    labels: ['endpoint', 'type'],
    collect: ({ endpoints }, out) => {
      for (const { labels, traffic } of endpoints) {
        out.sample(traffic.promptTokens, joinLabels(labels, tokenTypes.prompt))
        out.sample(traffic.completionTokens, joinLabels(labels, tokenTypes.completion))
      }
    },
  },
  counter(
    'olla_endpoint_cached_tokens',
    'Prompt tokens that were cached.',
    ({ traffic }) => traffic.cachedTokens,
  ),
  counter(
    'olla_endpoint_generated_tokens',
    'Completion tokens with a measured generation time.',
    ({ traffic }) => traffic.timedTokens,
  ),
  seconds(
    'olla_endpoint_generation_seconds',
    'Time spent generating the timed tokens; the ratio of the two is tokens per second.',
    ({ traffic }) => traffic.generationSumMs,
  ),
  seconds(
    'olla_endpoint_load_seconds',
    'Time spent loading models, if the endpoint reports it.',
    ({ traffic }) => traffic.loadSumMs,
  ),
  seconds(
    'olla_endpoint_prompt_seconds',
    'Time spent processing prompts, if the endpoint reports it.',
    ({ traffic }) => traffic.promptSumMs,
  ),
  gauge('olla_endpoint_connections', 'Requests in flight.', ({ inFlight }) => inFlight),
  gauge(
    'olla_endpoint_max_concurrent',
    'Maximum concurrent requests; 0 is unlimited.',
    ({ endpoint }) => endpoint.maxConcurrent,
  ),
  gauge('olla_endpoint_priority', 'Configured priority.', ({ endpoint }) => endpoint.priority),
  gauge('olla_endpoint_models', 'Models listed by the endpoint.', ({ modelCount }) => modelCount),
  gauge(
    'olla_endpoint_probe_failures',
    'Consecutive failed health probes.',
    ({ probe }) => probe.consecutiveFailures,
  ),
  {
    name: 'olla_endpoint_probe_duration_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'Duration of the last answered health probe.',
    labels: ['endpoint'],
    collect: ({ endpoints }, out) => {
      for (const { labels, probe } of endpoints) {
        if (probe.lastLatencyMs !== undefined) out.sample(probe.lastLatencyMs / 1000, labels)
      }
    },
  },
  histogram(
    'olla_endpoint_request_duration_seconds',
    'duration',
    'Time from receipt to the last byte, for successes.',
  ),
  histogram(
    'olla_endpoint_time_to_first_token_seconds',
    'firstToken',
    'Time from receipt to the first token of a stream.',
  ),
  histogram('olla_endpoint_inter_token_seconds', 'interToken', 'Time between the tokens of a stream.'),
]

type Read = (source: MetricEndpoint) => number

function gauge(name: string, help: string, read: Read): Metric<EndpointMetricsSource> {
  return { name, type: 'gauge', help, labels: ['endpoint'], collect: each(read) }
}

function counter(name: string, help: string, read: Read): Metric<EndpointMetricsSource> {
  return { name, type: 'counter', help, labels: ['endpoint'], collect: each(read) }
}

/** @param readMs reads the value in milliseconds */
function seconds(name: string, help: string, readMs: Read): Metric<EndpointMetricsSource> {
  const collect = each((source) => readMs(source) / 1000)
  return { name, type: 'counter', unit: 'seconds', help, labels: ['endpoint'], collect }
}

function each(read: Read): Metric<EndpointMetricsSource>['collect'] {
  return ({ endpoints }, out) => {
    for (const source of endpoints) out.sample(read(source), source.labels)
  }
}

function histogram(name: string, kind: RowHistogram, help: string): Metric<EndpointMetricsSource> {
  return {
    name,
    type: 'histogram',
    unit: 'seconds',
    help,
    labels: ['endpoint', 'le'],
    collect: ({ cells, endpoints }, out) => {
      const table = cells.endpointHistograms[kind]
      for (const { labels, endpoint } of endpoints) {
        out.histogram(exposeHistogram(kind, table, [endpoint.slot]), labels)
      }
    },
  }
}
