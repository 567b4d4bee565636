import { gauge, numbers } from '../../kernel/cells/kinds.ts'
import { cellLayout } from '../../kernel/cells/layout.ts'

/** Requests in flight per endpoint. */
export const loadCells = cellLayout('load', ({ endpoints }) => ({
  inFlight: gauge(endpoints),
  /** Monotonic milliseconds of the last request that was sent as a last resort. */
  lastResortAtMs: numbers(endpoints),
}))
