import type { SharedState } from '../../runtime/cells/shared-state.ts'
import { readStatsCells } from './stats-cells.ts'

/** Clears the statistics of an endpoint, before its row gets another one. */
export function clearStatsRow(state: Pick<SharedState, 'of'>, row: number): void {
  const { endpoints, statuses, placements, placementRows, endpointHistograms } = readStatsCells(state)
  endpoints.clearRow(row)
  statuses.clearRow(row)
  for (const histogram of Object.values(endpointHistograms)) histogram.clearRow(row)
  for (const [key, placement] of placementRows.entries())
    if (key % endpoints.rows === row) placements.clearRow(placement)
}
