import { integers, records } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'

/** The status of each endpoint. */
export const statusCells = cellLayout('endpoint-status', ({ endpoints }) => ({
  /** The health, an index into `endpointStatuses`, and above it the service: see `service.ts`. */
  status: integers(endpoints),
  /** One cell that counts up with every change of a status. */
  version: integers(),
  /**
   * Why the status is what it is; since when, by the wall clock and the other; when it was last lost to requests; and
   * 1 where only a probe says so, else 0.
   */
  records: records(['sinceMs', 'sinceMonotonicMs', 'lostAtMs', 'isDoubtful'], endpoints),
}))

export type StatusCells = CellsOf<typeof statusCells>
