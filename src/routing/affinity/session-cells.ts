import { cache, counters } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'

/** What became of the sessions of requests, and of those in the store. */
const sessionColumns = [
  'hits',
  'misses',
  'repins',
  'disabled',
  'insertions',
  'removals',
  'evictions',
] as const
export type SessionColumn = (typeof sessionColumns)[number]

export const sessionCells = cellLayout('sessions', () => ({ counts: counters(sessionColumns) }))
export type SessionCounts = CellsOf<typeof sessionCells>['counts']

/** Bindings of sessions to endpoints, where several threads share them. */
export const boundSessionCells = (maxSessions: number) =>
  cellLayout('bound-sessions', () => ({ entries: cache(maxSessions) }))
export type BoundSessionCells = CellsOf<ReturnType<typeof boundSessionCells>>
