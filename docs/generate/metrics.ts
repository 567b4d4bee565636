import { callerMetrics } from '../../src/observe/prometheus/caller-metrics.ts'
import { clusterMetrics } from '../../src/observe/prometheus/cluster-metrics.ts'
import { endpointMetrics } from '../../src/observe/prometheus/endpoint-metrics.ts'
import { engineMetrics } from '../../src/observe/prometheus/engine-metrics.ts'
import { estimateMetrics } from '../../src/observe/prometheus/estimate-metrics.ts'
import { type MetricFamily, seriesNames } from '../../src/observe/prometheus/exposition.ts'
import { stickyMetrics, translatorMetrics } from '../../src/observe/prometheus/feature-metrics.ts'
import { gatewayMetrics } from '../../src/observe/prometheus/gateway-metrics.ts'
import { exposedBounds } from '../../src/observe/prometheus/histograms.ts'
import { modelMetrics } from '../../src/observe/prometheus/model-metrics.ts'
import { ollaMetrics } from '../../src/observe/prometheus/olla-metrics.ts'
import { processMetrics } from '../../src/observe/prometheus/process-metrics.ts'
import { cell, code, table } from './markdown.ts'

/** Every metric that the gateway exposes, by what it is about. */
export const metricGroups: readonly (readonly [title: string, families: readonly MetricFamily[]])[] = [
  ['Gateway', gatewayMetrics],
  ['Endpoints', endpointMetrics],
  ['Engines', engineMetrics],
  ['Models', modelMetrics],
  ['Estimates', estimateMetrics],
  ['Translators', translatorMetrics],
  ['Sessions', stickyMetrics],
  ['Process', processMetrics],
  ["Olla's names", ollaMetrics],
  ['API keys, with a store', callerMetrics],
  ['Several replicas', clusterMetrics],
]

/** Olla's names that are not here, and what to use instead (contract 8.1). */
const replaced: readonly (readonly [string, string])[] = [
  ['`olla_endpoints_total` (a gauge)', '`olla_endpoints`'],
  [
    '`olla_success_rate_percent`, `olla_endpoint_success_rate_percent`, `olla_model_success_rate_percent`, `olla_models_success_rate_percent`',
    'a ratio of `rate(olla_requests_total{outcome="success"})`, `olla_endpoint_requests_total` or `olla_model_successful_requests_total`',
  ],
  [
    '`olla_avg_latency_ms`, `olla_endpoint_avg_latency_ms`, `olla_model_avg_latency_ms`, `olla_model_p95_latency_ms`, `olla_model_p99_latency_ms`',
    '`histogram_quantile` over `olla_request_duration_seconds`, `olla_endpoint_request_duration_seconds`, `olla_model_request_duration_seconds`',
  ],
  [
    '`olla_total_traffic_bytes`, `olla_endpoint_traffic_bytes`, `olla_model_traffic_bytes`',
    'the same with `_total`, by `direction` for the first two (`olla_traffic_bytes_total`)',
  ],
  ['`olla_endpoint_up{status}`', '`olla_endpoint_up`, and `olla_endpoint_status{status}` for the status'],
  ['`olla_endpoint_models_count`, `olla_models_total`', '`olla_endpoint_models`, `olla_models`'],
  ['`olla_models_requests_total`, `olla_models_traffic_bytes`', 'sums over `olla_model_*`'],
]

/** The metrics as a Markdown page. */
export function metricReference(): string {
  return [
    '# Metrics',
    '',
    'Generated from `src/observe/prometheus` by `npm run docs`; a test compares it with the code.',
    '',
    "`GET /internal/metrics` returns Prometheus' text format 0.0.4 or, on request, OpenMetrics 1.0. Counters include all",
    'serving threads. [prometheus.yaml](prometheus.yaml) contains a scrape configuration, [alerts.yaml](alerts.yaml) alert rules and [grafana-dashboard.json](grafana-dashboard.json)',
    'a dashboard.',
    '',
    '- A request counts when it ends. `outcome` is `success` (below 400, to the last byte), `rejection` (4xx), `failure`',
    '  (5xx, interrupted, without an answer), `client_closed` or `cancelled`; `code` is the status sent to the client,',
    '  `none` if there was none, or a class (`4xx`) for statuses that are not counted separately.',
    '- Tokens are those that endpoints report. The gateway requests them in streams (`proxy.usage: ask`). For a stream without',
    '  a report, it counts the events with content instead, and adds them to `olla_counted_tokens_total` as well.',
    '- The time to first token ends with the first event with content, not with the first byte. Gaps between tokens are',
    '  counted individually; tokens that arrive together share the gap equally.',
    '- Models get their own series in order of first request, up to `metrics.exposed_models`; all',
    '  others, and names that no endpoint has, share `model="(other)"`. This bounds a scrape of 200 endpoints and thousands',
    '  of models.',
    '- Percentiles in `/internal/status/endpoints`, `/internal/stats/models` and samples come from the same histograms,',
    '  which have 218 buckets there, each at most 9 % wider than the one before: from 0.1 ms to an hour, percentiles are',
    '  right within 5 %. `olla_model_p95_latency_ms` and `olla_model_p99_latency_ms` have this precision as well;',
    '  `histogram_quantile` has that of the exposed buckets.',
    '',
    ...metricGroups.flatMap(([title, families]) => [
      `## ${title}`,
      '',
      table(['metric', 'type', 'labels', 'meaning'], families.map(row)),
      '',
    ]),
    '## Buckets',
    '',
    table(
      ['histogram of', 'upper bounds'],
      [
        ['durations', seconds(exposedBounds.duration)],
        ['time to first token', seconds(exposedBounds.firstToken)],
        ['time between tokens', seconds(exposedBounds.interToken)],
        ['waits for capacity', seconds(exposedBounds.queueWait)],
        ['request sizes', `${exposedBounds.requestSize.join(', ')} bytes`],
        ['attempts', exposedBounds.attempts.join(', ')],
      ],
    ),
    '',
    '## Coming from Olla',
    '',
    'Dashboards and alerts made for Olla keep working: its names are exposed as well (`metrics.olla_names`, on by',
    'default). OpenMetrics does not allow two of them, `olla_endpoint_traffic_bytes` and `olla_model_traffic_bytes`: to get',
    'them, scrape the text format with `scrape_protocols: [PrometheusText0.0.4]`. For new dashboards, use the names',
    'on this page:',
    '',
    table(
      ['Olla', 'here'],
      replaced.map((each) => each.map(cell)),
    ),
    '',
  ].join('\n')
}

function row(family: MetricFamily): string[] {
  const labels = family.labels?.filter((label) => label !== 'le') ?? []
  const [first = ''] = seriesNames(family)
  return [
    code(family.type === 'histogram' ? family.name : first),
    family.type,
    labels.map(code).join(', ') || '–',
    cell(family.help),
  ]
}

function seconds(boundsMs: readonly number[]): string {
  return `${boundsMs.map((bound) => bound / 1000).join(', ')} s`
}
