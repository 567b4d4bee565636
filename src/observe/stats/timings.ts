import type { HistogramTable } from '../../kernel/cells/histogram-table.ts'
import type { RowHistogram } from './histogram-bounds.ts'

/** Milliseconds, right within 5 %. */
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

/** @param maxDurationMs as measured: the middle of a bucket may be above it */
export function readTimings(
  tables: Readonly<Record<Exclude<RowHistogram, 'requestSize'>, HistogramTable>>,
  row: number,
  maxDurationMs: number,
): Timings {
  return {
    duration: percentiles(tables.duration, row, maxDurationMs),
    firstToken: percentiles(tables.firstToken, row),
    interToken: percentiles(tables.interToken, row),
  }
}

const shares = [0.5, 0.95, 0.99]

function percentiles(
  table: HistogramTable,
  row: number,
  maxMs = Number.POSITIVE_INFINITY,
): Percentiles | undefined {
  const [p50, p95, p99] = table.quantiles(row, shares) ?? []
  if (p50 === undefined || p95 === undefined || p99 === undefined) return undefined
  const shown = (quantileMs: number) => threeDigits(Math.min(maxMs, quantileMs))
  return { p50: shown(p50), p95: shown(p95), p99: shown(p99) }
}

/** More digits than a histogram knows would only lengthen answers. */
export function threeDigits(value: number): number {
  return Number(value.toPrecision(3))
}
