import { counters } from '../../../src/kernel/cells/kinds.ts'
import { cellLayout } from '../../../src/kernel/cells/layout.ts'

export const countedCells = (table: number) =>
  cellLayout(`table-${table}`, () => ({ counts: counters(['times']) }))
