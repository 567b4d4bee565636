import type { RowHistogram } from '../stats/histogram-bounds.ts'
import type { StatsCells } from '../stats/stats-cells.ts'
import type { TrafficColumn } from '../stats/traffic-columns.ts'
import { joinLabels, type LabelText } from './exposition.ts'
import { tokenTypes } from './gateway-metrics.ts'
import { exposeHistogram } from './histograms.ts'
import type { Metric } from './metric.ts'

/** A model with its own series, or the combination of all models without one. */
export interface MetricModel {
  /** `model="…"`. */
  readonly labels: LabelText
  /** Its row in the cells; for `(other)`, the rows of all models beyond the limit. */
  readonly rows: readonly number[]
}

export interface MetricPlacement {
  readonly labels: LabelText
  readonly requests: number
}

export interface ModelMetricsSource {
  readonly cells: StatsCells
  readonly models: readonly MetricModel[]
  readonly placements: readonly MetricPlacement[]
  /** Number of listed models, and of those that clients have requested. */
  readonly known: number
  readonly requested: number
}

/** Metrics per model. */
export const modelMetrics: readonly Metric<ModelMetricsSource>[] = [
  {
    name: 'olla_models',
    type: 'gauge',
    help: 'Models listed by endpoints.',
    collect: ({ known }, out) => out.sample(known),
  },
  {
    name: 'olla_models_active',
    type: 'gauge',
    help: 'Models requested since startup.',
    collect: ({ requested }, out) => out.sample(requested),
  },
  counter('olla_model_requests', 'Finished requests for the model.', 'requests'),
  counter(
    'olla_model_successful_requests',
    'Requests answered completely with a status below 400.',
    'successes',
  ),
  counter(
    'olla_model_failed_requests',
    'Requests answered with 5xx, interrupted or without an answer.',
    'failures',
  ),
  counter('olla_model_rejected_requests', 'Requests answered with 4xx.', 'rejections'),
  counter('olla_model_client_closed_requests', 'Requests whose client disconnected.', 'clientClosed'),
  counter('olla_model_traffic_bytes', 'Size of answers.', 'responseBytes', 'bytes'),
  counter(
    'olla_model_routing_hits',
    'Requests that went to an endpoint known to have the model.',
    'routingHits',
  ),
  counter(
    'olla_model_routing_misses',
    'Requests rejected because no endpoint had the model.',
    'routingMisses',
  ),
  counter(
    'olla_model_routing_fallbacks',
    'Requests that went to an endpoint not known to have the model.',
    'routingFallbacks',
  ),
  {
    name: 'olla_model_unique_clients',
    type: 'gauge',
    help: 'Approximate number of distinct clients that requested the model.',
    labels: ['model'],
    collect: ({ cells, models }, out) => {
      for (const { labels, rows } of models) {
        const [row] = rows
        if (row !== undefined && rows.length === 1) out.sample(cells.modelClients.estimate(row), labels)
      }
    },
  },
  {
    name: 'olla_model_tokens',
    type: 'counter',
    help: 'Prompt and completion tokens.',
    labels: ['model', 'type'],
    collect: ({ cells, models }, out) => {
      for (const { labels, rows } of models) {
        out.sample(total(cells, rows, 'promptTokens'), joinLabels(labels, tokenTypes.prompt))
        out.sample(total(cells, rows, 'completionTokens'), joinLabels(labels, tokenTypes.completion))
      }
    },
  },
  counter('olla_model_cached_tokens', 'Prompt tokens that were cached.', 'cachedTokens'),
  counter('olla_model_generated_tokens', 'Completion tokens with a measured generation time.', 'timedTokens'),
  seconds(
    'olla_model_generation_seconds',
    'Time spent generating the timed tokens; the ratio of the two is tokens per second.',
    'generationSumMs',
  ),
  seconds('olla_model_load_seconds', 'Time spent loading the model, if endpoints report it.', 'loadSumMs'),
  seconds(
    'olla_model_prompt_seconds',
    'Time spent processing prompts, if endpoints report it.',
    'promptSumMs',
  ),
  waitHistogram(
    'olla_model_queue_wait_seconds',
    'queueWait',
    'Time that requests for the model waited for an endpoint to have capacity.',
  ),
  waitHistogram(
    'olla_model_queue_depth',
    'queueDepth',
    'Position of requests for the model when they began to wait.',
  ),
  histogram(
    'olla_model_request_duration_seconds',
    'duration',
    'Time from receipt to the last byte, for successes.',
  ),
  histogram(
    'olla_model_time_to_first_token_seconds',
    'firstToken',
    'Time from receipt to the first token of a stream.',
  ),
  histogram('olla_model_inter_token_seconds', 'interToken', 'Time between the tokens of a stream.'),
  {
    name: 'olla_model_endpoint_requests',
    type: 'counter',
    help: 'Finished requests for a model on an endpoint.',
    labels: ['model', 'endpoint'],
    collect: ({ placements }, out) => {
      for (const { labels, requests } of placements) out.sample(requests, labels)
    },
  },
]

function total({ models }: StatsCells, rows: readonly number[], name: TrafficColumn): number {
  const column = models.column(name)
  let sum = 0
  for (const row of rows) sum += models.sum(row, column)
  return sum
}

function counter(
  name: string,
  help: string,
  column: TrafficColumn,
  unit?: 'bytes',
): Metric<ModelMetricsSource> {
  return {
    name,
    type: 'counter',
    ...(unit === undefined ? {} : { unit }),
    help,
    labels: ['model'],
    collect: ({ cells, models }, out) => {
      for (const { labels, rows } of models) out.sample(total(cells, rows, column), labels)
    },
  }
}

/** @param column in milliseconds */
function seconds(name: string, help: string, column: TrafficColumn): Metric<ModelMetricsSource> {
  return {
    name,
    type: 'counter',
    unit: 'seconds',
    help,
    labels: ['model'],
    collect: ({ cells, models }, out) => {
      for (const { labels, rows } of models) out.sample(total(cells, rows, column) / 1000, labels)
    },
  }
}

function histogram(name: string, kind: RowHistogram, help: string): Metric<ModelMetricsSource> {
  return {
    name,
    type: 'histogram',
    unit: 'seconds',
    help,
    labels: ['model', 'le'],
    collect: ({ cells, models }, out) => {
      const table = cells.modelHistograms[kind]
      for (const { labels, rows } of models) out.histogram(exposeHistogram(kind, table, rows), labels)
    },
  }
}

function waitHistogram(
  name: string,
  kind: 'queueWait' | 'queueDepth',
  help: string,
): Metric<ModelMetricsSource> {
  return {
    name,
    type: 'histogram',
    ...(kind === 'queueWait' ? { unit: 'seconds' } : {}),
    help,
    labels: ['model', 'le'],
    collect: ({ cells, models }, out) => {
      const table = cells.modelWaits[kind]
      for (const { labels, rows } of models) out.histogram(exposeHistogram(kind, table, rows), labels)
    },
  }
}
