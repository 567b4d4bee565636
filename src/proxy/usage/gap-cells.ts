import { histogram } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'
import { timeBoundsMs } from './time-bounds.ts'

/** Milliseconds between the tokens of a stream, each gap counted separately. */
export const gapCells = cellLayout('gaps', ({ endpoints, models }) => ({
  total: histogram(timeBoundsMs),
  endpoints: histogram(timeBoundsMs, endpoints),
  models: histogram(timeBoundsMs, models),
}))
export type GapCells = CellsOf<typeof gapCells>
