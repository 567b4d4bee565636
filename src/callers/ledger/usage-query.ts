import { setImmediate } from 'node:timers/promises'
import type { Database, Row } from '../store/database.ts'
import { maybeNumber, text } from '../store/rows.ts'
import { hourMs, hoursPerDay, noUsage, type Usage, usageCounts } from './usage-row.ts'
import { columns, hoursOf, type UsageTable, usageTables } from './usage-store.ts'

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
/** Subjects of one statement. */
const subjectsAtOnce = 5_000

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
  const subjects = query.by.includes('key') ? await readSubjects(database, query) : undefined
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
        const subject = subjects === undefined ? row : subjects.get(Number(row.subject))
        // One that is newer than this query.
        if (subject === undefined) continue
        addRow(total, row)
        addRow(sumOf(sums, query, row, subject), row)
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

/** Blocks or days, with finer tables at the edges. */
function partsOf({ sinceMs, untilMs, interval }: UsageQuery, hourlyFrom: number): Part[] {
  let from = Math.floor(sinceMs / hourMs)
  let to = Math.ceil(untilMs / hourMs)
  if (interval === 'hour') return [{ table: 'olla_usage', from, to }]
  if (from < hourlyFrom) from = floorTo(from, hoursPerDay)
  if (to < hourlyFrom) to = floorTo(to + hoursPerDay - 1, hoursPerDay)
  return cut(from, to, interval === 'day' ? ['olla_usage', 'olla_usage_days'] : usageTables)
}

/** @param tables from the finest to the coarsest */
function cut(from: number, to: number, tables: readonly UsageTable[]): Part[] {
  const table = tables.at(-1)
  if (table === undefined || from >= to) return []
  if (tables.length === 1) return [{ table, from, to }]
  const hours = hoursOf[table]
  const first = floorTo(from + hours - 1, hours)
  const end = floorTo(to, hours)
  const finer = tables.slice(0, -1)
  if (first >= end) return cut(from, to, finer)
  return [...cut(from, first, finer), { table, from: first, to: end }, ...cut(end, to, finer)]
}

function floorTo(hour: number, hours: number): number {
  return Math.floor(hour / hours) * hours
}

/** Most of a long time has no rows: neither before the first nor after the last. */
async function withoutEmptyEnds(database: Database, { table, from, to }: Part): Promise<Part> {
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

/** The conditions of a filter for subjects. */
function conditionsOf({ filter }: UsageQuery) {
  const conditions: string[] = []
  const values: string[] = []
  for (const group of usageGroups) {
    const value = filter[group]
    if (value === undefined) continue
    conditions.push(group === 'key' ? '(s.key_id = ? OR s.key_name = ?)' : `s.${group} = ?`)
    values.push(...(group === 'key' ? [value, value] : [value]))
  }
  return { text: conditions.join(' AND '), values }
}

/** Makes the statement for each table; its first values are the hours from and to. */
function selectOf(query: UsageQuery) {
  const { by, interval } = query
  const { text: condition, values } = conditionsOf(query)
  // The plus keeps SQLite from reading all hours of these subjects by their index.
  const isFiltered =
    condition === '' ? '' : `AND +subject IN (SELECT s.id FROM olla_usage_subjects s WHERE ${condition})`
  const where = `WHERE hour >= ? AND hour < ? ${isFiltered}`
  // The rows of keys are as many as subjects: their texts are added here.
  const groups = by.includes('key') ? ['u.subject'] : by.flatMap((group) => groupColumns[group])
  const isJoined = groups.length > 0 && !by.includes('key')
  return function select(table: UsageTable) {
    // Hours at the edge of a day count for that day.
    const hour = interval === 'hour' || hoursOf[table] > 1 ? 'u.hour' : 'u.hour / 24 * 24'
    const grouped = interval === 'total' ? groups : [hour, ...groups]
    const shown = interval === 'total' ? groups : [`${hour} AS hour`, ...groups]
    // Groups of numbers take less time than groups of texts.
    const rows =
      interval === 'total' && isJoined
        ? `(SELECT subject, ${innerSums} FROM ${table} ${where} GROUP BY subject)`
        : `(SELECT * FROM ${table} ${where})`
    const text = `SELECT ${[...shown, sumColumns].join(', ')} FROM ${rows} u
      ${isJoined ? 'JOIN olla_usage_subjects s ON s.id = u.subject' : ''}
      ${grouped.length === 0 ? 'HAVING COUNT(*) > 0' : `GROUP BY ${grouped.join(', ')}`}`
    return { text, values }
  }
}

/** The texts of the subjects that a query is about, by ID. */
async function readSubjects(database: Database, query: UsageQuery): Promise<ReadonlyMap<number, Row>> {
  const { text: condition, values } = conditionsOf(query)
  const names = query.by.flatMap((group) => groupColumns[group])
  const found = new Map<number, Row>()
  for (let after = 0; ; ) {
    const rows = await database.all(
      `SELECT s.id, ${names.join(', ')} FROM olla_usage_subjects s
      WHERE s.id > ? ${condition === '' ? '' : `AND ${condition}`} ORDER BY s.id LIMIT ${subjectsAtOnce}`,
      [after, ...values],
    )
    for (const row of rows) {
      after = Number(row.id)
      found.set(after, row)
    }
    if (rows.length < subjectsAtOnce) return found
    await setImmediate()
  }
}

/** @param subject has the texts of the groups */
function sumOf(sums: Map<string, UsageSum>, { by, interval }: UsageQuery, row: Row, subject: Row): UsageSum {
  const hour = interval === 'total' ? undefined : maybeNumber(row.hour)
  // Ten digits: texts in the order of time.
  let name = hour === undefined ? '' : String(hour).padStart(10, '0')
  for (const group of by) name += `\0${text(subject[group === 'key' ? 'key_id' : group])}`
  const known = sums.get(name)
  if (known !== undefined) {
    // A renamed key has the name that it had last.
    if (known.key !== undefined) known.key = text(subject.key_name)
    return known
  }
  if (sums.size >= maxSums) throw new UsageTooLargeError(`more than ${maxSums} rows`)
  const shown = (group: UsageGroup) => (by.includes(group) ? text(subject[group]) : undefined)
  const made: UsageSum = {
    atMs: hour === undefined ? undefined : hour * hourMs,
    keyId: by.includes('key') ? text(subject.key_id) : undefined,
    key: by.includes('key') ? text(subject.key_name) : undefined,
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

function addRow(to: Usage, row: Row): void {
  for (const name of usageCounts) to[name] += Number(row[columns[name]] ?? 0)
}
