/** What the view of use shows: its choices, and the rows for them. */
import { signal } from '@preact/signals'
import { readUsage, type UsageGroup, type UsageQuery } from '../api/caller-api.ts'
import type { UsagePage } from '../api/types.ts'
import { type GroupUsage, largestGroups, type UsageMeasure } from '../state/group-points.ts'
import { gatewayNow } from './clock.ts'
import { createResource } from './resource.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

export const usageGroups: readonly (readonly [UsageGroup, string])[] = [
  ['key', 'Key'],
  ['owner', 'Owner'],
  ['team', 'Team'],
  ['model', 'Model'],
  ['endpoint', 'Endpoint'],
]

/** Hours up to a week, days beyond. */
export const usageWindows: readonly (readonly [days: string, string])[] = [
  ['1', 'Last day'],
  ['7', 'Last 7 days'],
  ['30', 'Last 30 days'],
  ['90', 'Last 90 days'],
  ['365', 'Last year'],
]

export interface UsageFilter {
  readonly group: UsageGroup
  /** As the route takes it: an ID for a key. */
  readonly value: string
  /** As the page shows it. */
  readonly name: string
}

export const usageGroup = signal<UsageGroup>('key')
export const usageDays = signal('1')
export const usageMeasure = signal<UsageMeasure>('tokens')
export const usageFilters = signal<readonly UsageFilter[]>([])

export interface UsageShown {
  readonly sinceMs: number
  readonly untilMs: number
  readonly stepMs: number
  readonly windowMs: number
  readonly overTime: UsagePage
  readonly group: UsageGroup
  readonly byGroup: UsagePage
  readonly measure: UsageMeasure
  /** The largest groups, over time. */
  readonly groups: readonly GroupUsage[]
}

/** Groups that the table has room for; the export has all. */
const maxGroups = 1_000

export const usage = createResource<UsageShown>({
  async load(abort) {
    const untilMs = gatewayNow()
    const { windowMs, stepMs } = usageWindow()
    const sinceMs = Math.floor((untilMs - windowMs) / stepMs) * stepMs
    const query = usageQuery(sinceMs)
    const group = usageGroup.peek()
    const interval = stepMs === hourMs ? 'hour' : 'day'
    const measure = usageMeasure.peek()
    const [overTime, byGroup] = await Promise.all([
      readUsage({ ...query, interval, limit: maxGroups }, abort),
      readUsage({ ...query, by: group, limit: maxGroups }, abort),
    ])
    // Only the lines of the chart: all groups by the hour can be very many rows.
    const groups = await Promise.all(
      largestGroups(byGroup.usage, measure).map(async (row) => {
        const value = (group === 'key' ? row.key_id : row[group]) ?? ''
        const filter = { ...query.filter, [group]: value }
        const { usage: rows } = await readUsage({ ...query, filter, interval, limit: maxGroups }, abort)
        return { name: row[group] ?? '', rows }
      }),
    )
    return { sinceMs, untilMs, stepMs, windowMs, overTime, group, byGroup, measure, groups }
  },
  everyMs: 30_000,
  gapMs: 2_000,
  isHidden: () => document.hidden,
})

/** Rows of the groups over time, for export. */
export function exportQuery({ sinceMs, stepMs, group }: UsageShown): UsageQuery {
  return { ...usageQuery(sinceMs), by: group, interval: stepMs === hourMs ? 'hour' : 'day' }
}

export function chooseUsage(change: {
  readonly group?: UsageGroup | undefined
  readonly days?: string
  readonly measure?: UsageMeasure | undefined
  readonly filters?: readonly UsageFilter[]
}): void {
  if (change.group !== undefined) usageGroup.value = change.group
  if (change.days !== undefined) usageDays.value = change.days
  if (change.measure !== undefined) usageMeasure.value = change.measure
  if (change.filters !== undefined) usageFilters.value = change.filters
  usage.reload()
}

function usageWindow(): { windowMs: number; stepMs: number } {
  const days = Number(usageDays.peek())
  return { windowMs: days * dayMs, stepMs: days <= 7 ? hourMs : dayMs }
}

function usageQuery(sinceMs: number): UsageQuery {
  return {
    since: new Date(sinceMs).toISOString(),
    filter: Object.fromEntries(usageFilters.peek().map(({ group, value }) => [group, value])),
  }
}
