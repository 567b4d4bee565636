import { counters } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'
import { ownPseudonym } from '../../kernel/cells/pseudonym.ts'
import { RunMark } from '../../kernel/cells/run-mark.ts'

/** Counts events of the process; stays 0 if the gateway is embedded in another app. */
export const processCells = cellLayout('process', () => ({
  counts: counters([
    /** Log lines that no output accepted. */
    'lostLogLines',
    /** Serving threads that ended before the stop. */
    'endedThreads',
    /** Requests that those threads had in flight. */
    'cutRequests',
  ]),
}))
export type ProcessCells = CellsOf<typeof processCells>

/** Shared by all threads of one run of the gateway. */
export const runCells = cellLayout('run', () => ({
  mark: (place) => new RunMark(place),
  /** Sent as a comment in `Via`. */
  pseudonym: ownPseudonym,
}))
