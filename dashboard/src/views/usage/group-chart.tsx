import { useMemo } from 'preact/hooks'
import type { UsageShown } from '../../live/usage.ts'
import { groupChart, groupPoints, maxLines, usageMeasures } from '../../state/group-points.ts'
import { Chart } from '../../ui/chart.tsx'
import { ChartTable, type ChartTableProps } from '../../ui/chart-table.tsx'
import { groupTitle } from './usage-columns.tsx'

export interface GroupChartProps {
  readonly shown: UsageShown
  readonly asTable: boolean
  readonly step: ChartTableProps<never>['step']
}

/** What the largest groups have used over time. */
export function GroupChart({ shown, asTable, step }: GroupChartProps) {
  const { group, groups, overTime, measure, byGroup } = shown
  const names = groups.map(({ name }) => name)
  const hasOthers = byGroup.usage.length > maxLines
  const measured = usageMeasures.find(([id]) => id === measure)?.[1] ?? ''
  const title = `${measured} by ${groupTitle(group).toLowerCase()}`
  // The chart is drawn anew for another definition.
  const definition = useMemo(
    () => groupChart(title, names, measure, hasOthers),
    [title, names.join('\n'), measure, hasOthers],
  )
  if (groups.length === 0) return null
  const points = groupPoints(groups, overTime.usage, shown)
  return asTable ? (
    <ChartTable definition={definition} samples={points} step={step} />
  ) : (
    <Chart definition={definition} samples={points} windowMs={shown.windowMs} />
  )
}
