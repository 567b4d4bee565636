import { counters } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'
import { ownPseudonym } from '../../kernel/cells/pseudonym.ts'
import { RunMark } from '../../kernel/cells/run-mark.ts'

/** What happened to the process; nothing of it where the gateway is part of another app. */
export const processCells = cellLayout('process', () => ({
  counts: counters([
    /** Log lines that no output took. */
    'lostLogLines',
    /** Serving threads that ended before the stop. */
    'endedThreads',
    /** Requests that those had under way. */
    'cutRequests',
  ]),
}))
export type ProcessCells = CellsOf<typeof processCells>

/** What all threads of one run of the gateway have in common. */
export const runCells = cellLayout('run', () => ({
  mark: (place) => new RunMark(place),
  /** A comment in `Via`. */
  pseudonym: ownPseudonym,
}))
