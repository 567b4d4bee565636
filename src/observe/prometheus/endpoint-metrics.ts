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

/** Endpoints by name; one whose name is taken has its ID behind it, so that no series stands twice. */
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

/** What is known of each endpoint. */
export const endpointMetrics: readonly Metric<EndpointMetricsSource>[] = [
  gauge('olla_endpoint_up', 'Whether requests may go to the endpoint.', ({ status }) =>
    isRoutable(status.status) ? 1 : 0,
  ),
  {
    name: 'olla_endpoint_status',
    type: 'gauge',
    help: '1 for the status that the endpoint has, 0 for all others.',
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
    help: '1 for the state of the circuit breaker of the endpoint, 0 for all others.',
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
    'Models whose circuit is not closed there, or that pause, while the endpoint serves others.',
    ({ modelIssues }) => modelIssues.length,
  ),
  {
    name: 'olla_endpoint_requests',
    type: 'counter',
    help: 'Requests that ended on the endpoint, by outcome and by the status that the client was sent.',
    labels: ['endpoint', 'outcome', 'code'],
    collect: ({ cells, endpoints }, out) => {
      for (const { labels, endpoint } of endpoints) collectStatuses(cells, [endpoint.slot], labels, out)
    },
  },
  counter('olla_endpoint_attempts', 'Tries on the endpoint.', ({ traffic }) => traffic.attempts),
  counter('olla_endpoint_failed_attempts', 'Tries that failed.', ({ traffic }) => traffic.failedAttempts),
  counter(
    'olla_endpoint_failovers',
    'Failed tries that were followed by another, here or elsewhere.',
    (source) => source.traffic.failovers,
  ),
  {
    name: 'olla_endpoint_traffic_bytes',
    type: 'counter',
    unit: 'bytes',
    help: 'Bytes of bodies.',
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
    help: 'Tokens of prompts and of completions.',
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
    'The part of the prompt tokens that was in a cache.',
    ({ traffic }) => traffic.cachedTokens,
  ),
  counter(
    'olla_endpoint_generated_tokens',
    'Completion tokens whose generation was timed.',
    ({ traffic }) => traffic.timedTokens,
  ),
  seconds(
    'olla_endpoint_generation_seconds',
    'Time of their generation: tokens per second are the ratio of the two.',
    ({ traffic }) => traffic.generationSumMs,
  ),
  seconds(
    'olla_endpoint_load_seconds',
    'Time for loading models, where the endpoint tells it.',
    ({ traffic }) => traffic.loadSumMs,
  ),
  seconds(
    'olla_endpoint_prompt_seconds',
    'Time for reading prompts, where the endpoint tells it.',
    ({ traffic }) => traffic.promptSumMs,
  ),
  gauge('olla_endpoint_connections', 'Requests under way.', ({ inFlight }) => inFlight),
  gauge(
    'olla_endpoint_max_concurrent',
    'Most requests at a time; 0 is no limit.',
    ({ endpoint }) => endpoint.maxConcurrent,
  ),
  gauge('olla_endpoint_priority', 'Configured priority.', ({ endpoint }) => endpoint.priority),
  gauge('olla_endpoint_models', 'Models that the endpoint lists.', ({ modelCount }) => modelCount),
  gauge(
    'olla_endpoint_probe_failures',
    'Health probes that failed since the last that did not.',
    ({ probe }) => probe.consecutiveFailures,
  ),
  {
    name: 'olla_endpoint_probe_duration_seconds',
    type: 'gauge',
    unit: 'seconds',
    help: 'Duration of the last health probe that was answered.',
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
    'Time from receipt to the last byte, of successes.',
  ),
  histogram(
    'olla_endpoint_time_to_first_token_seconds',
    'firstToken',
    'Time from receipt to the first token of a stream.',
  ),
  histogram(
    'olla_endpoint_inter_token_seconds',
    'interToken',
    'Time from one token of a stream to the next.',
  ),
]

type Read = (source: MetricEndpoint) => number

function gauge(name: string, help: string, read: Read): Metric<EndpointMetricsSource> {
  return { name, type: 'gauge', help, labels: ['endpoint'], collect: each(read) }
}

function counter(name: string, help: string, read: Read): Metric<EndpointMetricsSource> {
  return { name, type: 'counter', help, labels: ['endpoint'], collect: each(read) }
}

/** @param readMs what it is in milliseconds */
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
