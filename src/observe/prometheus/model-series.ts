import type { GatewayStats } from '../stats/gateway-stats.ts'
import { otherModels } from '../stats/model-rows.ts'
import type { StatsCells } from '../stats/stats-cells.ts'
import type { MetricEndpoint } from './endpoint-metrics.ts'
import { joinLabels, type LabelText, labelText } from './exposition.ts'
import type { MetricModel, MetricPlacement, ModelMetricsSource } from './model-metrics.ts'

export interface ModelSeriesSource {
  readonly cells: StatsCells
  readonly stats: Pick<GatewayStats, 'modelEntries' | 'placements'>
  readonly endpoints: readonly MetricEndpoint[]
  /** Number of models that endpoints list. */
  readonly known: number
  /** Maximum number of models with their own series; all others share one. */
  readonly limit: number
}

/**
 * Reads the metrics of models. The models requested first have their own series: a model therefore never moves back to
 * the shared series, whose sum never decreases.
 */
export function readModels({ cells, stats, endpoints, known, limit }: ModelSeriesSource): ModelMetricsSource {
  const { models: table } = cells
  const counted = [table.column('requests'), table.column('routingMisses')]
  const models: MetricModel[] = []
  const own = new Map<number, LabelText>()
  const others: number[] = []
  for (const [name, row] of stats.modelEntries()) {
    if (counted.every((column) => table.sum(row, column) === 0)) continue
    if (name === otherModels || models.length >= limit) {
      others.push(row)
    } else {
      const labels = labelText({ model: name })
      own.set(row, labels)
      models.push({ labels, rows: [row] })
    }
  }
  const requested = models.length + others.filter((row) => row !== table.rows - 1).length
  if (others.length > 0) models.push({ labels: labelText({ model: otherModels }), rows: others })
  return { cells, models, placements: placementsOf(stats, own, endpoints), known, requested }
}

function placementsOf(
  stats: ModelSeriesSource['stats'],
  own: ReadonlyMap<number, LabelText>,
  endpoints: readonly MetricEndpoint[],
): MetricPlacement[] {
  const bySlot = new Map(endpoints.map(({ endpoint, labels }) => [endpoint.slot, labels]))
  return stats.placements().flatMap(({ modelRow, slot, requests }) => {
    const model = own.get(modelRow)
    const endpoint = bySlot.get(slot)
    return model === undefined || endpoint === undefined
      ? []
      : [{ labels: joinLabels(model, endpoint), requests }]
  })
}
