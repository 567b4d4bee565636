import { counters } from '../../kernel/cells/kinds.ts'
import { cellLayout } from '../../kernel/cells/layout.ts'

/** What became of connections of clients where the process has no room for more. */
export const listenerCells = cellLayout('listener', () => ({
  counts: counters([
    /** Times that accepting paused. */
    'acceptPauses',
    /** Idle connections of clients that were closed to make room. */
    'idleClosed',
  ]),
}))
