import { gauge, histogram, numbers } from '../../kernel/cells/kinds.ts'
import { type CellKind, type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'
import { RateTable } from './rate-table.ts'

/** Bounds for the measured time to the first token over the estimate: 1 is exact. */
export const ratioBounds = [0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.91, 1, 1.1, 1.25, 1.5, 2, 3, 5, 10] as const

/** Learned rates, and work that endpoints have not finished. Exists only while something uses estimates. */
export const estimateCells = cellLayout('estimates', ({ endpoints, models }) => ({
  rates: rateTable(Math.min(16_384, Math.max(1_024, 4 * endpoints))),
  /** Requests that were sent and have no first token yet. */
  awaiting: gauge(endpoints),
  /** Monotonic time at which an endpoint has computed the prompts that it was sent, as estimated. */
  freeAtMs: numbers(endpoints),
  /** Monotonic time of the last first token. */
  firstTokenAtMs: numbers(endpoints),
  /** Measured time to the first token over the estimate. */
  endpointRatios: histogram(ratioBounds, endpoints),
  modelRatios: histogram(ratioBounds, models),
}))

export type EstimateCells = CellsOf<typeof estimateCells>

function rateTable(capacity: number): CellKind<RateTable> {
  return (place) => new RateTable(capacity, place)
}
