import { setImmediate } from 'node:timers/promises'
import type { Database, Row } from '../store/database.ts'
import { maybeNumber, text } from '../store/rows.ts'
import { addUsage, hourMs, hoursPerDay, noUsage, type Usage, usageCounts } from './usage-row.ts'
import { columns, hoursOf, type UsageTable } from './usage-store.ts'

export const usageGroups = ['key', 'owner', 'team', 'model', 'endpoint'] as const
export type UsageGroup = (typeof usageGroups)[number]
export const usageIntervals = ['hour', 'day', 'total'] as const
export type UsageInterval = (typeof usageIntervals)[number]

export interface UsageQuery {
  readonly sinceMs: number
  readonly untilMs: number
  /** Rows are added up for each combination of these. */
  readonly by: readonly UsageGroup[]
  readonly interval: UsageInterval
  /** Only what equals all of these; a key by its ID or name. */
  readonly filter: { readonly [Group in UsageGroup]?: string | undefined }
  /** The last row of the page before. */
  readonly after?: string | undefined
  readonly limit: number
}

export interface UsageSum extends Usage {
  /** Start of the hour or day; undefined for a total. */
  readonly atMs: number | undefined
  /** Only those of the groups. */
  readonly keyId: string | undefined
  key: string | undefined
  readonly owner: string | undefined
  readonly team: string | undefined
  readonly model: string | undefined
  readonly endpoint: string | undefined
}

export interface UsagePage {
  readonly rows: readonly UsageSum[]
  /** Over all pages. */
  readonly total: Usage
  readonly next: string | undefined
}

/** The query asks for more rows than fit into memory. */
export class UsageTooLargeError extends Error {
  override readonly name = 'UsageTooLargeError'
}

const maxSums = 200_000
/** Time that one statement may take: SQLite blocks the thread for as long. */
const aimedMs = 20

interface Part {
  readonly table: UsageTable
  readonly from: number
  readonly to: number
}

/**
 * Adds up the ledger's rows, in pieces of time that are short to read: a query over years does not hold up other work
 * of the thread.
 * @param hourlyFromMs hours before may have been removed; whole days are used there
 */
export async function queryUsage(
  database: Database,
  query: UsageQuery,
  hourlyFromMs: number,
): Promise<UsagePage> {
  const select = selectOf(query)
  const sums = new Map<string, UsageSum>()
  const total = noUsage()
  for (const part of partsOf(query, Math.floor(hourlyFromMs / hourMs))) {
    const { table, from, to } = await withoutEmptyEnds(database, part)
    const { text: sql, values } = select(table)
    let step = hoursOf[table]
    for (let hour = from; hour < to; ) {
      const end = Math.min(to, hour + step)
      const startedMs = performance.now()
      for (const row of await database.all(sql, [hour, end, ...values])) {
        const usage = usageOf(row)
        addUsage(total, usage)
        addUsage(sumOf(sums, query, row), usage)
      }
      hour = end
      const tookMs = performance.now() - startedMs
      if (tookMs < aimedMs / 2) step *= 2
      else if (tookMs > aimedMs)
        step = Math.max(hoursOf[table], Math.floor(step / 2 / hoursOf[table]) * hoursOf[table])
      await setImmediate()
    }
  }
  return pageOf(sums, total, query)
}

/** Hours at the edges, days between them. */
function partsOf({ sinceMs, untilMs, interval }: UsageQuery, hourlyFrom: number): Part[] {
  let from = Math.floor(sinceMs / hourMs)
  let to = Math.ceil(untilMs / hourMs)
  if (interval === 'hour') return [{ table: 'olla_usage', from, to }]
  const dayOf = (hour: number) => Math.floor(hour / hoursPerDay) * hoursPerDay
  if (from < hourlyFrom) from = dayOf(from)
  if (to < hourlyFrom) to = dayOf(to + hoursPerDay - 1)
  const firstDay = dayOf(from + hoursPerDay - 1)
  const endDay = dayOf(to)
  if (firstDay >= endDay) return [{ table: 'olla_usage', from, to }]
  return [
    { table: 'olla_usage', from, to: firstDay },
    { table: 'olla_usage_days', from: firstDay, to: endDay },
    { table: 'olla_usage', from: endDay, to },
  ]
}

/** A query since for ever reads only the hours that have rows. */
async function withoutEmptyEnds(database: Database, { table, from, to }: Part): Promise<Part> {
  if (from >= to) return { table, from, to }
  const [row] = await database.all(
    // One statement with both would read the whole index in SQLite.
    `SELECT (SELECT MIN(hour) FROM ${table}) AS first, (SELECT MAX(hour) FROM ${table}) AS last`,
  )
  const first = maybeNumber(row?.first) ?? to
  const last = maybeNumber(row?.last) ?? from
  return { table, from: Math.max(from, first), to: Math.min(to, last + 1) }
}

const sumColumns = usageCounts.map((name) => `SUM(u.${columns[name]}) AS ${columns[name]}`).join(', ')
const innerSums = usageCounts.map((name) => `SUM(${columns[name]}) AS ${columns[name]}`).join(', ')
const groupColumns: Readonly<Record<UsageGroup, readonly string[]>> = {
  key: ['s.key_id', 's.key_name'],
  owner: ['s.owner'],
  team: ['s.team'],
  model: ['s.model'],
  endpoint: ['s.endpoint'],
}

/** Makes the statement for each table; its first values are the hours from and to. */
function selectOf({ by, interval, filter }: UsageQuery) {
  const conditions: string[] = []
  const values: string[] = []
  for (const group of usageGroups) {
    const value = filter[group]
    if (value === undefined) continue
    conditions.push(group === 'key' ? 'AND (s.key_id = ? OR s.key_name = ?)' : `AND s.${group} = ?`)
    values.push(...(group === 'key' ? [value, value] : [value]))
  }
  const groups = by.flatMap((group) => groupColumns[group])
  return function select(table: UsageTable) {
    // Hours at the edge of a day count for that day.
    const hour = interval === 'hour' || hoursOf[table] > 1 ? 'u.hour' : 'u.hour / 24 * 24'
    const grouped = interval === 'total' ? groups : [hour, ...groups]
    const shown = interval === 'total' ? groups : [`${hour} AS hour`, ...groups]
    // Groups of numbers take less time than groups of texts.
    const rows =
      interval === 'total'
        ? `(SELECT subject, ${innerSums} FROM ${table} WHERE hour >= ? AND hour < ? GROUP BY subject)`
        : `(SELECT * FROM ${table} WHERE hour >= ? AND hour < ?)`
    const text = `SELECT ${[...shown, sumColumns].join(', ')} FROM ${rows} u
      JOIN olla_usage_subjects s ON s.id = u.subject WHERE 1 = 1 ${conditions.join(' ')}
      ${grouped.length === 0 ? 'HAVING COUNT(*) > 0' : `GROUP BY ${grouped.join(', ')}`}`
    return { text, values }
  }
}

function sumOf(sums: Map<string, UsageSum>, { by, interval }: UsageQuery, row: Row): UsageSum {
  const hour = interval === 'total' ? undefined : maybeNumber(row.hour)
  // Ten digits: texts in the order of time.
  const name = [
    hour === undefined ? '' : String(hour).padStart(10, '0'),
    ...by.map((group) => text(row[group === 'key' ? 'key_id' : group])),
  ].join('\0')
  const known = sums.get(name)
  if (known !== undefined) {
    // A renamed key has the name that it had last.
    if (known.key !== undefined) known.key = text(row.key_name)
    return known
  }
  if (sums.size >= maxSums) throw new UsageTooLargeError(`more than ${maxSums} rows`)
  const shown = (group: UsageGroup) => (by.includes(group) ? text(row[group]) : undefined)
  const made: UsageSum = {
    atMs: hour === undefined ? undefined : hour * hourMs,
    keyId: by.includes('key') ? text(row.key_id) : undefined,
    key: by.includes('key') ? text(row.key_name) : undefined,
    owner: shown('owner'),
    team: shown('team'),
    model: shown('model'),
    endpoint: shown('endpoint'),
    ...noUsage(),
  }
  sums.set(name, made)
  return made
}

function pageOf(sums: ReadonlyMap<string, UsageSum>, total: Usage, { after, limit }: UsageQuery): UsagePage {
  const names = [...sums.keys()].filter((name) => after === undefined || name > after).sort()
  const page = names.slice(0, limit)
  const rows = page.map((name) => sums.get(name)).filter((sum) => sum !== undefined)
  return { rows, total, next: names.length > limit ? page.at(-1) : undefined }
}

function usageOf(row: Row): Usage {
  const usage = noUsage()
  for (const name of usageCounts) usage[name] = Number(row[columns[name]] ?? 0)
  return usage
}
