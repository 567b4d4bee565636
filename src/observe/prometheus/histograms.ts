import type { HistogramTable } from '../../kernel/cells/histogram-table.ts'
import type { HistogramKind } from '../stats/histogram-bounds.ts'
import type { ExposedHistogram } from './exposition.ts'

/**
 * Exposed bounds, a subset of the stored ones: every bound of every series adds a line to every scrape. Milliseconds or
 * bytes, as in the cells.
 */
export const exposedBounds: Readonly<Record<HistogramKind, readonly number[]>> = {
  duration: [
    10, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000, 120_000, 300_000, 600_000,
  ],
  firstToken: [
    10, 20, 50, 100, 200, 300, 500, 750, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000, 60_000,
  ],
  interToken: [1, 2, 5, 10, 15, 20, 30, 50, 100, 200, 500, 1_000, 5_000],
  requestSize: Array.from({ length: 10 }, (_, power) => 256 * 4 ** power),
  queueWait: [1, 10, 50, 100, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 60_000],
  queueDepth: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000],
  attempts: [1, 2, 3, 4, 5, 7, 10, 20],
}

/** Kinds whose values are milliseconds in the cells and seconds in the exposition. */
const timeKinds: ReadonlySet<HistogramKind> = new Set(['duration', 'firstToken', 'interToken', 'queueWait'])

/** Combines one or more rows of a histogram. */
export function exposeHistogram(
  kind: HistogramKind,
  table: HistogramTable,
  rows: readonly number[],
): ExposedHistogram {
  const { counts, count, sum } = table.readAll(rows)
  const scale = timeKinds.has(kind) ? 1_000 : 1
  const kept = exposedBounds[kind]
  return {
    bounds: kept.map((bound) => bound / scale),
    cumulative: cumulate(counts, table.bounds, kept),
    count,
    sum: sum / scale,
  }
}

/** @param kept ascending, each one of `bounds` */
function cumulate(counts: readonly number[], bounds: readonly number[], kept: readonly number[]): number[] {
  const cumulative: number[] = []
  let seen = 0
  for (const [bucket, bound] of bounds.entries()) {
    seen += counts[bucket] ?? 0
    if (bound === kept[cumulative.length]) cumulative.push(seen)
  }
  return cumulative
}
