import { counters, distinct, group, histogram, nameRows, numberRows } from '../../kernel/cells/kinds.ts'
import { cellLayout } from '../../kernel/cells/layout.ts'
import { gapCells } from '../../proxy/usage/gap-cells.ts'
import type { SharedState } from '../../runtime/cells/shared-state.ts'
import { attemptBounds, durationBoundsMs, requestSizeBounds } from './histogram-bounds.ts'
import { statusColumns } from './status-columns.ts'
import { placementColumns, trafficColumns } from './traffic-columns.ts'

/** Requests that have ended: for the gateway, for each endpoint, for each model, and for each model on an endpoint. */
export const statsCells = cellLayout('stats', ({ endpoints, models }) => {
  // Pairs beyond are not told apart.
  const placements = Math.max(2048, 4 * models)
  return {
    totals: counters(trafficColumns),
    endpoints: counters(trafficColumns, endpoints),
    models: counters(trafficColumns, models),
    /** Rows of models by name; the row after the last is shared by all others. */
    modelRows: nameRows(models - 1),
    modelClients: distinct(models),
    placements: counters(placementColumns, placements),
    /** Rows of placements by model row and endpoint. */
    placementRows: numberRows(placements),
    /** By how requests ended; the last row is of those that reached no endpoint. */
    statuses: counters(statusColumns, endpoints + 1),
    totalHistograms: group({
      ...distributions(1),
      queueWait: histogram(durationBoundsMs),
      attempts: histogram(attemptBounds),
    }),
    endpointHistograms: group(distributions(endpoints)),
    modelHistograms: group(distributions(models)),
  }
})

function distributions(rows: number) {
  return {
    duration: histogram(durationBoundsMs, rows),
    firstToken: histogram(durationBoundsMs, rows),
    requestSize: histogram(requestSizeBounds, rows),
  }
}

/** What statistics are read from: the cells of requests, and the gaps that are counted while answers pass. */
export type StatsCells = ReturnType<typeof readStatsCells>

export function readStatsCells(state: Pick<SharedState, 'of'>) {
  const { totalHistograms, endpointHistograms, modelHistograms, ...counted } = state.of(statsCells)
  const gaps = state.of(gapCells)
  return {
    ...counted,
    totalHistograms: { ...totalHistograms, interToken: gaps.total },
    endpointHistograms: { ...endpointHistograms, interToken: gaps.endpoints },
    modelHistograms: { ...modelHistograms, interToken: gaps.models },
  }
}
