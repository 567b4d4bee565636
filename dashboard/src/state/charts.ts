import type { Sample } from '../api/types.ts'
import { formatBytes, formatMs, formatRate } from '../format/format.ts'
import { perSecond } from './sample-figures.ts'

/** What a chart knows of its points; samples are such points. */
export interface ChartPoint {
  readonly at_ms: number
  readonly interval_ms: number
}

export interface ChartSeries<Point extends ChartPoint = Sample> {
  readonly label: string
  /** Custom property of the style sheet that holds the colour. */
  readonly color: string
  readonly isDashed?: boolean
  /** Null where the point has no value. */
  readonly read: (point: Point) => number | null
}

export interface ChartDefinition<Point extends ChartPoint = Sample> {
  readonly id: string
  readonly title: string
  readonly format: (value: number | undefined) => string
  /** Counts in steps of 1024. */
  readonly isBinary?: boolean
  readonly series: readonly ChartSeries<Point>[]
}

const formatByteRate = (value: number | undefined) => (value === undefined ? '–' : `${formatBytes(value)}/s`)

/** The moving charts of the traffic view. */
export const chartDefinitions: readonly ChartDefinition[] = [
  {
    id: 'requests',
    title: 'Requests per second',
    format: formatRate,
    series: [
      { label: 'ended', color: '--series-1', read: (sample) => perSecond(sample.requests, sample) },
      {
        label: 'failed or rejected',
        color: '--series-bad',
        isDashed: true,
        read: (sample) => perSecond(sample.failures + sample.rejections, sample),
      },
    ],
  },
  {
    id: 'tokens',
    title: 'Tokens per second',
    format: formatRate,
    series: [
      {
        label: 'generated',
        color: '--series-2',
        read: (sample) => perSecond(sample.completion_tokens, sample),
      },
      {
        label: 'read',
        color: '--series-1',
        isDashed: true,
        read: (sample) => perSecond(sample.prompt_tokens, sample),
      },
    ],
  },
  {
    id: 'first-token',
    title: 'Time to first token',
    format: formatMs,
    series: percentiles('first_token_ms'),
  },
  { id: 'duration', title: 'Total time', format: formatMs, series: percentiles('duration_ms') },
  {
    id: 'in-flight',
    title: 'Requests in flight',
    format: formatRate,
    series: [
      { label: 'in flight', color: '--series-1', read: ({ in_flight }) => in_flight },
      { label: 'waiting', color: '--series-3', isDashed: true, read: ({ waiting }) => waiting },
    ],
  },
  {
    id: 'bytes',
    title: 'Bytes',
    format: formatByteRate,
    isBinary: true,
    series: [
      { label: 'answers', color: '--series-2', read: (sample) => perSecond(sample.response_bytes, sample) },
      {
        label: 'requests',
        color: '--series-1',
        isDashed: true,
        read: (sample) => perSecond(sample.request_bytes, sample),
      },
    ],
  },
]

function percentiles(field: 'first_token_ms' | 'duration_ms'): ChartSeries[] {
  return [
    { label: 'p50', color: '--series-2', read: (sample) => sample[field]?.p50 ?? null },
    { label: 'p90', color: '--series-1', read: (sample) => sample[field]?.p90 ?? null },
    { label: 'p99', color: '--series-3', isDashed: true, read: (sample) => sample[field]?.p99 ?? null },
  ]
}

/** Times in seconds, then each series' values: the columns that uPlot draws. */
export type ChartColumns = [number[], ...(number | null)[][]]

/** The line has a gap if samples are further apart than this many intervals. */
const gapIntervals = 3

export function chartColumns<Point extends ChartPoint>(
  samples: readonly Point[],
  { series }: ChartDefinition<Point>,
): ChartColumns {
  const times: number[] = []
  const values: (number | null)[][] = series.map(() => [])
  let previous: Point | undefined
  for (const sample of samples) {
    if (previous !== undefined && sample.at_ms - previous.at_ms > gapIntervals * sample.interval_ms) {
      times.push((previous.at_ms + 1) / 1000)
      for (const column of values) column.push(null)
    }
    times.push(sample.at_ms / 1000)
    for (const [index, column] of values.entries()) column.push(series[index]?.read(sample) ?? null)
    previous = sample
  }
  return [times, ...values]
}

/** Text summary of a chart. */
export function chartSummary<Point extends ChartPoint>(
  samples: readonly Point[],
  { title, series, format }: ChartDefinition<Point>,
): string {
  const parts = series.map(({ label, read }) => {
    const values = samples.map(read).filter((value) => value !== null)
    if (values.length === 0) return `${label}: none`
    return `${label}: now ${format(values.at(-1))}, highest ${format(Math.max(...values))}`
  })
  return `${title}. ${parts.join('; ')}.`
}

export interface ChartTableRow {
  readonly startMs: number
  /** Mean of the minute, or of another step; undefined where there is no value. */
  readonly values: readonly (number | undefined)[]
}

/** A chart as a table: means by the step, newest first. */
export function chartTable<Point extends ChartPoint>(
  samples: readonly Point[],
  { series }: ChartDefinition<Point>,
  stepMs = 60_000,
): ChartTableRow[] {
  const steps = new Map<number, Point[]>()
  for (const sample of samples) {
    const startMs = Math.floor(sample.at_ms / stepMs) * stepMs
    const known = steps.get(startMs)
    if (known === undefined) steps.set(startMs, [sample])
    else known.push(sample)
  }
  return [...steps]
    .map(([startMs, inStep]) => ({
      startMs,
      values: series.map(({ read }) => mean(inStep.map(read).filter((value) => value !== null))),
    }))
    .reverse()
}

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length
}
