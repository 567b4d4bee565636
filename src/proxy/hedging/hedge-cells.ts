import { fineBounds } from '../../kernel/cells/fine-bounds.ts'
import { counters, histogram, integers } from '../../kernel/cells/kinds.ts'
import { type CellsOf, cellLayout } from '../../kernel/cells/layout.ts'
import { hedgeResults } from '../contract/hedge-result.ts'

/**
 * Why a late request got no second attempt: other requests wait in the line, no other endpoint is idle and has the model
 * in memory, or the budget is exhausted.
 */
export const hedgeRefusals = ['line', 'not_idle', 'budget'] as const
export type HedgeRefusal = (typeof hedgeRefusals)[number]

export const hedgeCells = cellLayout('hedges', () => ({
  /** As `HedgeBudget` stores it. */
  budget: integers(1),
  counts: counters([...hedgeResults, ...hedgeRefusals, 'started', 'promptTokens']),
}))

export type HedgeCounts = CellsOf<typeof hedgeCells>['counts']

const boundsMs = fineBounds([1, 10, 100, 1_000, 10_000, 100_000, 600_000], 1.1)

/** Milliseconds from sending a request to the first content of its answer, by model. Exists only while hedging is on. */
export const firstContentCells = cellLayout('first contents', ({ models }) => ({
  times: histogram(boundsMs, models),
}))

/** What the hedges of all threads have come to. */
export interface HedgeTotals {
  readonly started: number
  readonly results: Readonly<Record<(typeof hedgeResults)[number], number>>
  readonly refusals: Readonly<Record<HedgeRefusal, number>>
  /** Prompt tokens of requests that had two attempts. */
  readonly promptTokens: number
}

export function readHedges(counts: HedgeCounts): HedgeTotals {
  const sum = (column: Parameters<HedgeCounts['column']>[0]) => counts.sum(0, counts.column(column))
  return {
    started: sum('started'),
    results: { won: sum('won'), lost: sum('lost'), failed: sum('failed'), cancelled: sum('cancelled') },
    refusals: { line: sum('line'), not_idle: sum('not_idle'), budget: sum('budget') },
    promptTokens: sum('promptTokens'),
  }
}
