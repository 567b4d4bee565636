import type { SharedState } from '../../runtime/cells/shared-state.ts'
import { clearLineRow, lineCells } from '../line/line-cells.ts'
import { penaltyCells } from '../selection/failure-penalty.ts'
import { loadCells } from '../selection/load-cells.ts'
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
