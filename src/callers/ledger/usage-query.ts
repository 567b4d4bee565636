import { setImmediate } from 'node:timers/promises'
import type { Database, Row } from '../store/database.ts'
import { maybeNumber, text } from '../store/rows.ts'
import {
  addUsage,
  hourMs,
  hoursPerDay,
  noUsage,
  type Usage,
  type UsageSubject,
  usageCounts,
} from './usage-row.ts'
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
  readonly key: string | undefined
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
/** Beyond this, all subjects of a time are read and the others left out. */
const maxListedSubjects = 300

interface Subject extends UsageSubject {
  readonly id: number
}

interface Part {
  readonly table: UsageTable
  readonly from: number
  readonly to: number
}

/**
 * Adds up the ledger's rows. Reads a day of hours or a month of days at a time: a query over years does not hold up
 * other work of the thread.
 * @param hourlyFromMs hours before may have been removed; whole days are used there
 */
export async function queryUsage(
  database: Database,
  query: UsageQuery,
  hourlyFromMs: number,
): Promise<UsagePage> {
  const subjects = await findSubjects(database, query.filter)
  const sums = new Map<string, UsageSum>()
  const total = noUsage()
  for (const part of partsOf(query, Math.floor(hourlyFromMs / hourMs))) {
    const { table, from, to } = await withoutEmptyEnds(database, part)
    const step = table === 'olla_usage' ? hoursPerDay : hoursPerDay * 31
    for (let hour = from; hour < to && subjects.size > 0; hour += step) {
      for (const row of await readRows(database, table, hour, Math.min(to, hour + step), query, subjects)) {
        const subject = subjects.get(Number(row.subject))
        if (subject === undefined) continue
        const usage = usageOf(row)
        addUsage(total, usage)
        const sum = sumOf(sums, query, subject, maybeNumber(row.hour))
        addUsage(sum, usage)
      }
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
  const [row] = await database.all(`SELECT MIN(hour) AS first, MAX(hour) AS last FROM ${table}`)
  const first = maybeNumber(row?.first) ?? to
  const last = maybeNumber(row?.last) ?? from
  return { table, from: Math.max(from, first), to: Math.min(to, last + 1) }
}

async function findSubjects(database: Database, filter: UsageQuery['filter']): Promise<Map<number, Subject>> {
  const conditions: string[] = []
  const values: string[] = []
  for (const name of ['owner', 'team', 'model', 'endpoint'] as const) {
    const value = filter[name]
    if (value === undefined) continue
    conditions.push(`${name} = ?`)
    values.push(value)
  }
  if (filter.key !== undefined) {
    conditions.push('(key_id = ? OR key_name = ?)')
    values.push(filter.key, filter.key)
  }
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  const rows = await database.all(`SELECT * FROM olla_usage_subjects ${where} ORDER BY id`, values)
  return new Map(rows.map((row) => [Number(row.id), subjectOf(row)]))
}

const sumColumns = usageCounts.map((name) => `SUM(${columns[name]}) AS ${columns[name]}`).join(', ')

function readRows(
  database: Database,
  table: UsageTable,
  from: number,
  to: number,
  { interval, filter }: UsageQuery,
  subjects: ReadonlyMap<number, Subject>,
): Promise<Row[]> {
  // Hours at the edge of a day count for that day.
  const hour =
    interval === 'total' ? '' : interval === 'hour' || hoursOf[table] > 1 ? 'hour' : 'hour / 24 * 24'
  const isFiltered = Object.values(filter).some((value) => value !== undefined)
  const listed = isFiltered && subjects.size <= maxListedSubjects ? [...subjects.keys()] : []
  const where = listed.length === 0 ? '' : `AND subject IN (${listed.map(() => '?').join(', ')})`
  const groups = hour === '' ? 'subject' : `${hour}, subject`
  return database.all(
    `SELECT subject, ${hour === '' ? '' : `${hour} AS hour, `}${sumColumns} FROM ${table}
    WHERE hour >= ? AND hour < ? ${where} GROUP BY ${groups}`,
    [from, to, ...listed],
  )
}

function sumOf(
  sums: Map<string, UsageSum>,
  { by }: UsageQuery,
  subject: Subject,
  hour: number | undefined,
): UsageSum {
  const has = (group: UsageGroup) => by.includes(group)
  // Ten digits: texts in the order of time.
  const name = [
    hour === undefined ? '' : String(hour).padStart(10, '0'),
    ...by.map((group) => (group === 'key' ? subject.keyId : subject[group])),
  ].join('\0')
  const known = sums.get(name)
  if (known !== undefined) return known
  if (sums.size >= maxSums) throw new UsageTooLargeError(`more than ${maxSums} rows`)
  const made: UsageSum = {
    atMs: hour === undefined ? undefined : hour * hourMs,
    keyId: has('key') ? subject.keyId : undefined,
    key: has('key') ? subject.keyName : undefined,
    owner: has('owner') ? subject.owner : undefined,
    team: has('team') ? subject.team : undefined,
    model: has('model') ? subject.model : undefined,
    endpoint: has('endpoint') ? subject.endpoint : undefined,
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

function subjectOf(row: Row): Subject {
  return {
    id: Number(row.id),
    keyId: text(row.key_id),
    keyName: text(row.key_name),
    owner: text(row.owner),
    team: text(row.team),
    model: text(row.model),
    endpoint: text(row.endpoint),
  }
}

function usageOf(row: Row): Usage {
  const usage = noUsage()
  for (const name of usageCounts) usage[name] = Number(row[columns[name]] ?? 0)
  return usage
}
