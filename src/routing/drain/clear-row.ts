import type { SharedState } from '../../runtime/cells/shared-state.ts'
import { clearLineRow, lineCells } from '../line/line-cells.ts'
import { penaltyCells } from '../selection/failure-penalty.ts'
import { loadCells } from '../selection/load-cells.ts'
import { placeCells } from '../selection/place-limits.ts'
import { turnCells } from '../selection/strategies.ts'

/** Clears what the selection knows of an endpoint, before its row gets another one. It has nothing in flight. */
export function clearRoutingRow(state: Pick<SharedState, 'of'>, row: number): void {
  state.of(penaltyCells).penalties[row] = 0
  state.of(loadCells).lastResortAtMs[row] = 0
  clearLineRow(state.of(lineCells), row)
  const { chosenAt, credits } = state.of(turnCells)
  chosenAt[row] = 0
  credits[row] = 0
}

/** Clears what this replica may use of an endpoint, before its row gets another one. */
export function clearPlaceRow(state: Pick<SharedState, 'of'>, row: number): void {
  const { leased, share, others } = state.of(placeCells)
  for (const cells of [leased, share, others]) Atomics.store(cells, row, 0)
}
