import { type HistogramTable, quantileOf } from '../../kernel/cells/histogram-table.ts'
import type { RowHistogram } from './histogram-bounds.ts'

/** Upper bounds of the buckets that contain the percentiles, in milliseconds. */
export interface Percentiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** Durations; undefined before the first. */
export interface Timings {
  readonly duration: Percentiles | undefined
  readonly firstToken: Percentiles | undefined
  readonly interToken: Percentiles | undefined
}

export function readTimings(
  tables: Readonly<Record<Exclude<RowHistogram, 'requestSize'>, HistogramTable>>,
  row: number,
): Timings {
  return {
    duration: percentiles(tables.duration, row),
    firstToken: percentiles(tables.firstToken, row),
    interToken: percentiles(tables.interToken, row),
  }
}

function percentiles(table: HistogramTable, row: number): Percentiles | undefined {
  const { counts, count } = table.read(row)
  if (count === 0) return undefined
  const at = (quantile: number) => quantileOf(counts, table.bounds, quantile)
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}
