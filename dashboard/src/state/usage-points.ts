/** What callers have used over time, as points of charts. */
import type { UsageRow } from '../api/types.ts'
import { formatCount, formatMs } from '../format/format.ts'
import { formatMoney } from './caller-texts.ts'
import type { ChartDefinition, ChartPoint } from './charts.ts'

export interface UsagePoint extends ChartPoint {
  /** Undefined if nothing was used. */
  readonly row: UsageRow | undefined
}

/** A point for each hour or day of the window, also where nothing was used. */
export function usagePoints(
  rows: readonly UsageRow[],
  { sinceMs, untilMs, stepMs }: { sinceMs: number; untilMs: number; stepMs: number },
): UsagePoint[] {
  const byTime = new Map(rows.map((row) => [Date.parse(row.at ?? ''), row]))
  const points: UsagePoint[] = []
  for (let atMs = Math.floor(sinceMs / stepMs) * stepMs; atMs < untilMs; atMs += stepMs) {
    points.push({ at_ms: atMs, interval_ms: stepMs, row: byTime.get(atMs) })
  }
  return points
}

const format = (write: (value: number) => string) => (value: number | undefined) =>
  value === undefined ? '–' : write(value)

/** Counts by the hour or the day. */
export const usageCharts: readonly ChartDefinition<UsagePoint>[] = [
  {
    id: 'usage-requests',
    title: 'Requests',
    format: format(formatCount),
    series: [
      { label: 'ended', color: '--series-1', read: ({ row }) => row?.requests ?? 0 },
      { label: 'refused', color: '--series-bad', isDashed: true, read: ({ row }) => row?.refused ?? 0 },
      {
        label: 'failed',
        color: '--series-3',
        isDashed: true,
        read: ({ row }) => (row?.upstream_errors ?? 0) + (row?.client_errors ?? 0),
      },
    ],
  },
  {
    id: 'usage-tokens',
    title: 'Tokens',
    format: format(formatCount),
    series: [
      { label: 'generated', color: '--series-2', read: ({ row }) => row?.completion_tokens ?? 0 },
      { label: 'read', color: '--series-1', isDashed: true, read: ({ row }) => row?.prompt_tokens ?? 0 },
    ],
  },
  {
    id: 'usage-cost',
    title: 'Cost',
    format: format(formatMoney),
    series: [{ label: 'cost', color: '--series-3', read: ({ row }) => row?.cost ?? 0 }],
  },
  {
    id: 'usage-time',
    title: 'Mean time of a request',
    format: formatMs,
    series: [
      {
        label: 'mean',
        color: '--series-1',
        read: ({ row }) => (row === undefined || row.requests === 0 ? null : row.duration_ms / row.requests),
      },
    ],
  },
]
