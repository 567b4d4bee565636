import type { CellKind } from '../../kernel/cells/layout.ts'
import { cellLayout } from '../../kernel/cells/layout.ts'
import { BreakerTable } from './breaker-table.ts'
import { ModelTable } from './model-table.ts'

/** Models on endpoints that something went wrong with lately; failures of further ones count for nothing. */
const modelCapacity = 1024

export const circuitCells = cellLayout('circuits', ({ endpoints }) => ({
  endpoints: breakers(endpoints),
  /** Circuits, pauses and penalties of models on endpoints. */
  models: modelTable(modelCapacity, endpoints),
}))

function breakers(rows: number): CellKind<BreakerTable> {
  return (place) => new BreakerTable(rows, place)
}

function modelTable(capacity: number, endpoints: number): CellKind<ModelTable> {
  return (place) => new ModelTable(capacity, endpoints, place)
}
