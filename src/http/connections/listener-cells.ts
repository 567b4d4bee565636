import { counters } from '../../kernel/cells/kinds.ts'
import { cellLayout } from '../../kernel/cells/layout.ts'

/** Counts what happens to client connections when the process has no room for more. */
export const listenerCells = cellLayout('listener', () => ({
  counts: counters([
    /** Number of times that accepting paused. */
    'acceptPauses',
    /** Idle client connections closed to make room. */
    'idleClosed',
  ]),
}))
