import { counters, distinct, group, histogram, nameRows, numberRows } from '../../kernel/cells/kinds.ts'
import { cellLayout } from '../../kernel/cells/layout.ts'
import { gapCells } from '../../proxy/usage/gap-cells.ts'
import { timeBoundsMs } from '../../proxy/usage/time-bounds.ts'
import type { SharedState } from '../../runtime/cells/shared-state.ts'
import { attemptBounds, queueDepthBounds, requestSizeBounds } from './histogram-bounds.ts'
import { statusColumns } from './status-columns.ts'
import { placementColumns, trafficColumns } from './traffic-columns.ts'

/** Counts finished requests: for the gateway, per endpoint, per model, and per model on an endpoint. */
export const statsCells = cellLayout('stats', ({ endpoints, models }) => {
  // Pairs beyond this number are not counted separately.
  const placements = Math.max(2048, 4 * models)
  return {
    totals: counters(trafficColumns),
    endpoints: counters(trafficColumns, endpoints),
    models: counters(trafficColumns, models),
    /** Rows of models by name; all other models share the row after the last. */
    modelRows: nameRows(models - 1),
    modelClients: distinct(models),
    placements: counters(placementColumns, placements),
    /** Rows of placements by model row and endpoint. */
    placementRows: numberRows(placements),
    /** By outcome; the last row counts requests that reached no endpoint. */
    statuses: counters(statusColumns, endpoints + 1),
    totalHistograms: group({
      ...distributions(1),
      ...waits(1),
      attempts: histogram(attemptBounds),
    }),
    endpointHistograms: group(distributions(endpoints)),
    modelHistograms: group(distributions(models)),
    modelWaits: group(waits(models)),
  }
})

/** Of requests that waited for a place. */
function waits(rows: number) {
  return { queueWait: histogram(timeBoundsMs, rows), queueDepth: histogram(queueDepthBounds, rows) }
}

function distributions(rows: number) {
  return {
    duration: histogram(timeBoundsMs, rows),
    firstToken: histogram(timeBoundsMs, rows),
    requestSize: histogram(requestSizeBounds, rows),
  }
}

/** Sources of statistics: the request cells, and the token gaps counted while answers stream. */
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
