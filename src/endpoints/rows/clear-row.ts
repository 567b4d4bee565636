import type { SharedState } from '../../runtime/cells/shared-state.ts'
import { discoveryCells } from '../discovery/discovery-records.ts'
import { clearSignals } from '../engines/signal-cells.ts'
import { answerCells } from '../health/answer-times.ts'
import { probeCells } from '../health/probe-records.ts'
import { statusCells } from '../registry/status-cells.ts'
import { circuitCells } from '../resilience/circuit-cells.ts'
import { coolDownCells } from '../resilience/cool-down.ts'

type Cells = Pick<SharedState, 'of'>

/** Clears what these rooms know of an endpoint, before its row gets another one. */
export function clearEndpointRow(state: Cells, row: number): void {
  const { status, records } = state.of(statusCells)
  Atomics.store(status, row, 0)
  records.clearRow(row)
  clearServerRow(state, row)
}

/** Clears what was learned of the server of an endpoint, before it is another one. Its health stays until it is probed. */
export function clearServerRow(state: Cells, row: number): void {
  state.of(probeCells).probes.clearRow(row)
  state.of(discoveryCells).reads.clearRow(row)
  state.of(answerCells).answeredAtMs[row] = 0
  state.of(coolDownCells).untilMs[row] = 0
  clearSignals(state, row)
  const { endpoints, models } = state.of(circuitCells)
  endpoints.clear(row)
  for (const modelRow of models.rows(row)) models.free(modelRow)
}
