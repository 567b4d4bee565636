import type { HistogramTable } from '../../kernel/cells/histogram-table.ts'
import type { Traffic } from '../stats/traffic.ts'
import { readTraffic } from '../stats/traffic.ts'
import type { MetricEndpoint } from './endpoint-metrics.ts'
import type { Exposition } from './exposition.ts'
import type { Metric } from './metric.ts'
import type { ModelMetricsSource } from './model-metrics.ts'

export interface OllaMetricsSource {
  readonly totals: Traffic
  readonly endpoints: readonly MetricEndpoint[]
  readonly models: ModelMetricsSource
}

const bytesOf = ({ requestBytes, responseBytes }: Traffic) => requestBytes + responseBytes

/**
 * Olla's names (contract 8.1) for metrics that have better names here, so that dashboards and alerts made for Olla keep
 * working. Each scrape computes them.
 */
export const ollaMetrics: readonly Metric<OllaMetricsSource>[] = [
  total('olla_endpoints_total', 'olla_endpoints', ({ endpoints }) => endpoints.length),
  total('olla_success_rate_percent', 'olla_requests_total', ({ totals }) => totals.successRate ?? 0),
  total('olla_avg_latency_ms', 'olla_request_duration_seconds', ({ totals }) => totals.averageMs ?? 0),
  total('olla_total_traffic_bytes', 'olla_traffic_bytes_total', ({ totals }) => bytesOf(totals)),
  endpoint('olla_endpoint_traffic_bytes', 'olla_endpoint_traffic_bytes_total', bytesOf, true),
  endpoint(
    'olla_endpoint_success_rate_percent',
    'olla_endpoint_requests_total',
    ({ successRate }) => successRate ?? 0,
  ),
  endpoint(
    'olla_endpoint_avg_latency_ms',
    'olla_endpoint_request_duration_seconds',
    ({ averageMs }) => averageMs ?? 0,
  ),
  {
    ...gauge('olla_endpoint_models_count', 'olla_endpoint_models'),
    labels: ['endpoint'],
    collect: ({ endpoints }, out) => {
      for (const { labels, modelCount } of endpoints) out.sample(modelCount, labels)
    },
  },
  total('olla_models_total', 'olla_models', ({ models }) => models.known),
  total('olla_models_success_rate_percent', 'olla_model_successful_requests_total', (source) => {
    const counted = modelTraffic(source)
    const requests = sum(counted, ({ requests: each }) => each)
    return requests === 0 ? 0 : (100 * sum(counted, ({ successes }) => successes)) / requests
  }),
  {
    ...total('olla_models_requests', 'olla_model_requests_total', (source) =>
      sum(modelTraffic(source), ({ requests }) => requests),
    ),
    type: 'counter',
  },
  total('olla_models_traffic_bytes', 'olla_model_traffic_bytes_total', (source) =>
    sum(modelTraffic(source), ({ responseBytes }) => responseBytes),
  ),
  model(
    'olla_model_traffic_bytes',
    'olla_model_traffic_bytes_total',
    (traffic, out, labels) =>
      out.sample(
        sum(traffic, ({ responseBytes }) => responseBytes),
        labels,
      ),
    true,
  ),
  model('olla_model_success_rate_percent', 'olla_model_successful_requests_total', (traffic, out, labels) => {
    const requests = sum(traffic, (each) => each.requests)
    out.sample(requests === 0 ? 0 : (100 * sum(traffic, ({ successes }) => successes)) / requests, labels)
  }),
  model('olla_model_avg_latency_ms', 'olla_model_request_duration_seconds', (traffic, out, labels) => {
    const successes = sum(traffic, (each) => each.successes)
    const totalMs = sum(traffic, (each) => (each.averageMs ?? 0) * each.successes)
    out.sample(successes === 0 ? 0 : totalMs / successes, labels)
  }),
  quantile('olla_model_p95_latency_ms', 0.95),
  quantile('olla_model_p99_latency_ms', 0.99),
]

type Family = Pick<Metric<OllaMetricsSource>, 'name' | 'type' | 'help' | 'isTextOnly'>

/** @param better name of the metric that reports the same or more */
function gauge(name: string, better: string, isTextOnly = false): Family {
  const only = isTextOnly ? ', in the text format alone' : ''
  return { name, type: 'gauge', help: `Olla's name; see ${better}${only}.`, isTextOnly }
}

function total(
  name: string,
  better: string,
  read: (source: OllaMetricsSource) => number,
): Metric<OllaMetricsSource> {
  return { ...gauge(name, better), collect: (source, out) => out.sample(read(source)) }
}

function endpoint(
  name: string,
  better: string,
  read: (traffic: Traffic) => number,
  isTextOnly = false,
): Metric<OllaMetricsSource> {
  return {
    ...gauge(name, better, isTextOnly),
    labels: ['endpoint'],
    collect: ({ endpoints }, out) => {
      for (const { labels, traffic } of endpoints) out.sample(read(traffic), labels)
    },
  }
}

function model(
  name: string,
  better: string,
  write: (traffic: readonly Traffic[], out: Exposition, labels: string) => void,
  isTextOnly = false,
): Metric<OllaMetricsSource> {
  return {
    ...gauge(name, better, isTextOnly),
    labels: ['model'],
    collect: ({ models: { cells, models } }, out) => {
      for (const { labels, rows } of models) {
        write(
          rows.map((row) => readTraffic(cells.models, row)),
          out,
          labels,
        )
      }
    },
  }
}

function quantile(name: string, share: number): Metric<OllaMetricsSource> {
  return {
    ...gauge(name, 'olla_model_request_duration_seconds'),
    labels: ['model'],
    collect: ({ models: { cells, models } }, out) => {
      for (const { labels, rows } of models) {
        out.sample(maxQuantile(cells.modelHistograms.duration, rows, share), labels)
      }
    },
  }
}

/** The maximum over models that share a series, as quantiles cannot be added. */
function maxQuantile(table: HistogramTable, rows: readonly number[], share: number): number {
  const values = rows.map((row) => table.quantile(row, share)).filter(Number.isFinite)
  return Math.max(0, ...values)
}

function modelTraffic({ models: { cells, models } }: OllaMetricsSource): Traffic[] {
  return models.flatMap(({ rows }) => rows.map((row) => readTraffic(cells.models, row)))
}

function sum(traffic: readonly Traffic[], read: (traffic: Traffic) => number): number {
  return traffic.reduce((subtotal, each) => subtotal + read(each), 0)
}
