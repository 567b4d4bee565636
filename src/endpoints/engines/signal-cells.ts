import { records } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'
import type { SharedState } from '../../runtime/cells/shared-state.ts'
import { signalNames } from '../signals/signal-source.ts'

/**
 * What each engine reported last, with the names of its LoRA adapters, and how the last reading went. `others` are
 * requests that the engine had from elsewhere, `atMs` is monotonic, `readAtMs` epoch milliseconds.
 */
export const signalCells = cellLayout('engine signals', ({ endpoints }) => ({
  values: records([...signalNames, 'hitRateNow', 'hasAdapters', 'others', 'atMs', 'readAtMs'], endpoints),
  reads: records(['outcome', 'consecutiveFailures'], endpoints),
}))

export type SignalCells = CellsOf<typeof signalCells>

export function clearSignals(state: Pick<SharedState, 'of'>, row: number): void {
  const { values, reads } = state.of(signalCells)
  values.clearRow(row)
  reads.clearRow(row)
}
