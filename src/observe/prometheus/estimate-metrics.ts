import type { HistogramTable } from '../../kernel/cells/histogram-table.ts'
import type { Exposition, LabelText } from './exposition.ts'
import type { Metric } from './metric.ts'

export interface EstimateMetricsSource {
  /** Undefined unless the time to the first token is estimated. */
  readonly ratios: { readonly endpoints: HistogramTable; readonly models: HistogramTable } | undefined
  readonly endpoints: readonly { readonly labels: LabelText; readonly endpoint: { readonly slot: number } }[]
  readonly models: readonly { readonly labels: LabelText; readonly rows: readonly number[] }[]
}

const help =
  'Measured time to the first token divided by the estimate at the start of the attempt; 1 is exact.'

/** How good the estimates are; no series while nothing estimates. */
export const estimateMetrics: readonly Metric<EstimateMetricsSource>[] = [
  {
    name: 'olla_endpoint_first_token_estimate_ratio',
    type: 'histogram',
    help,
    labels: ['endpoint', 'le'],
    collect: ({ ratios, endpoints }, out) => {
      if (ratios === undefined) return
      for (const { labels, endpoint } of endpoints) expose(ratios.endpoints, [endpoint.slot], labels, out)
    },
  },
  {
    name: 'olla_model_first_token_estimate_ratio',
    type: 'histogram',
    help,
    labels: ['model', 'le'],
    collect: ({ ratios, models }, out) => {
      if (ratios === undefined) return
      for (const { labels, rows } of models) expose(ratios.models, rows, labels, out)
    },
  },
]

function expose(table: HistogramTable, rows: readonly number[], labels: LabelText, out: Exposition): void {
  const { counts, count, sum } = table.readAll(rows)
  if (count === 0) return
  let seen = 0
  const cumulative = table.bounds.map((_, bucket) => {
    seen += counts[bucket] ?? 0
    return seen
  })
  out.histogram({ bounds: table.bounds, cumulative, count, sum }, labels)
}
