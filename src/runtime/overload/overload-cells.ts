import { counters, numberPerThread } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'
import { type Priority, refusedAt, refusedFirst } from './overload-level.ts'

export const overloadCells = cellLayout('overload', () => ({
  levels: numberPerThread(),
  refusals: counters(refusedFirst),
}))

export type OverloadCells = CellsOf<typeof overloadCells>

export interface OverloadState {
  /** Of the thread with the highest level. */
  readonly level: number
  readonly refuses: readonly Priority[]
  /** Refused requests by priority. */
  readonly refused: Readonly<Record<Priority, number>>
}

/** State over all threads. */
export function readOverload({ levels, refusals }: OverloadCells): OverloadState {
  const level = levels.reduce((highest, each) => Math.max(highest, each), 0)
  const refusedOf = (priority: Priority) => refusals.sum(0, refusals.column(priority))
  return {
    level,
    refuses: refusedAt(level),
    refused: { low: refusedOf('low'), normal: refusedOf('normal'), high: refusedOf('high') },
  }
}
