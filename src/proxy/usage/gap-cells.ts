import { histogram } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'

/** Bucket bounds in milliseconds for the time between two tokens. */
export const interTokenBoundsMs = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12.5, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 2_500,
  5_000, 10_000, 30_000,
] as const

/** Milliseconds between the tokens of a stream, each gap counted separately. */
export const gapCells = cellLayout('gaps', ({ endpoints, models }) => ({
  total: histogram(interTokenBoundsMs),
  endpoints: histogram(interTokenBoundsMs, endpoints),
  models: histogram(interTokenBoundsMs, models),
}))
export type GapCells = CellsOf<typeof gapCells>
