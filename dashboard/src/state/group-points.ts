/** What the largest groups have used over time, as points of a chart. */
import type { UsageRow } from '../api/types.ts'
import { formatCount } from '../format/format.ts'
import { formatMoney } from './caller-texts.ts'
import type { ChartDefinition, ChartPoint, ChartSeries } from './charts.ts'
import { tokensOf } from './limit-use.ts'

export type UsageMeasure = 'tokens' | 'requests' | 'cost' | 'refused'

export const usageMeasures: readonly (readonly [UsageMeasure, string])[] = [
  ['tokens', 'Tokens'],
  ['requests', 'Requests'],
  ['cost', 'Cost'],
  ['refused', 'Refused'],
]

export function measureOf(row: UsageRow, measure: UsageMeasure): number {
  return measure === 'tokens' ? tokensOf(row) : row[measure]
}

/** A group and its rows by hour or day. */
export interface GroupUsage {
  readonly name: string
  readonly rows: readonly UsageRow[]
}

/** The values of the groups, then that of all others together. */
export interface GroupPoint extends ChartPoint {
  readonly values: readonly number[]
}

const colors = ['--series-1', '--series-2', '--series-3', '--series-4', '--series-5']
/** Groups with a line of their own. */
export const maxLines = colors.length

/** The groups with the most, the largest first. */
export function largestGroups(rows: readonly UsageRow[], measure: UsageMeasure): UsageRow[] {
  return rows
    .filter((row) => measureOf(row, measure) > 0)
    .toSorted((a, b) => measureOf(b, measure) - measureOf(a, measure))
    .slice(0, maxLines)
}

export interface GroupPointsOptions {
  readonly sinceMs: number
  readonly untilMs: number
  readonly stepMs: number
  readonly measure: UsageMeasure
}

/** A point for each hour or day of the window, also where nothing was used. @param all rows of everything */
export function groupPoints(
  groups: readonly GroupUsage[],
  all: readonly UsageRow[],
  { sinceMs, untilMs, stepMs, measure }: GroupPointsOptions,
): GroupPoint[] {
  const byTime = (rows: readonly UsageRow[]) =>
    new Map(rows.map((row) => [Date.parse(row.at ?? ''), measureOf(row, measure)]))
  const ofGroups = groups.map(({ rows }) => byTime(rows))
  const ofAll = byTime(all)
  const points: GroupPoint[] = []
  for (let atMs = Math.floor(sinceMs / stepMs) * stepMs; atMs < untilMs; atMs += stepMs) {
    const values = ofGroups.map((values) => values.get(atMs) ?? 0)
    const known = values.reduce((sum, value) => sum + value, 0)
    // They are not read at one moment.
    const others = Math.max(0, (ofAll.get(atMs) ?? 0) - known)
    points.push({ at_ms: atMs, interval_ms: stepMs, values: [...values, others] })
  }
  return points
}

/** @param hasOthers whether there are more groups than lines */
export function groupChart(
  title: string,
  names: readonly string[],
  measure: UsageMeasure,
  hasOthers: boolean,
): ChartDefinition<GroupPoint> {
  const series: ChartSeries<GroupPoint>[] = names.map((name, at) => ({
    label: name === '' ? 'none' : name,
    color: colors[at] ?? '--series-1',
    read: ({ values }) => values[at] ?? 0,
  }))
  if (hasOthers) {
    series.push({
      label: 'others',
      color: '--muted',
      isDashed: true,
      read: ({ values }) => values[names.length] ?? 0,
    })
  }
  const write = measure === 'cost' ? formatMoney : formatCount
  return {
    id: 'usage-groups',
    title,
    format: (value) => (value === undefined ? '–' : write(value)),
    series,
  }
}
