import { gauge, integers, rowMarks } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'
import { type AmountCells, amountCells } from './amount-cells.ts'
import { openCharges } from './open-charges.ts'

/**
 * Maximum number of limits in use: each limit of a subject takes a row at a request, and keeps it while what was used
 * counts. The memory is reserved at the start, but the operating system provides it as it is used.
 */
const limitRows = 2 ** 18

/** Two for each limit that has refused a request. */
const refusalRows = 2 ** 14

/** Limits of callers, exact over all threads. */
export const callerLimitCells = cellLayout('caller limits', () => ({
  amounts: amountCells(limitRows),
  slots: gauge(limitRows),
  /** Threads that hold a row, and the index of its window + 1; 0 for slots. */
  holders: gauge(limitRows),
  windows: integers(limitRows),
  /** What requests in progress have reserved, by thread. */
  open: openCharges(),
  /** Rows that have changed since they were saved. */
  unsaved: rowMarks(limitRows),
  /** The bucket in which a budget has warned last, and in which it has refused a request last. */
  warnings: integers(limitRows),
  reached: integers(limitRows),
  /** Requests that each limit has refused in the last hour and day, as far as there is room. */
  refusals: amountCells(refusalRows),
}))
export type CallerLimitCells = CellsOf<typeof callerLimitCells>
export type { AmountCells }
