import type { SavedAmount } from '../limits/contract.ts'
import type { Database, SqlValue, Statements } from '../store/database.ts'
import { addAmounts } from './amount-store.ts'
import {
  hoursPerDay,
  subjectText,
  type UsageCount,
  type UsageRow,
  type UsageSubject,
  usageCounts,
} from './usage-row.ts'

/** Rows that are written together: all of them, or none. */
export interface UsageBatch {
  /** Of one process; its batches are numbered. */
  readonly writer: string
  readonly number: number
  readonly atMs: number
  readonly rows: readonly UsageRow[]
  /** What limits have counted since the last batch. */
  readonly amounts: readonly SavedAmount[]
}

export const columns: Readonly<Record<UsageCount, string>> = {
  requests: 'requests',
  ok: 'ok',
  clientErrors: 'client_errors',
  upstreamErrors: 'upstream_errors',
  cancelled: 'cancelled',
  refused: 'refused',
  promptTokens: 'prompt_tokens',
  cachedTokens: 'cached_tokens',
  reasoningTokens: 'reasoning_tokens',
  completionTokens: 'completion_tokens',
  cost: 'cost',
  unpriced: 'unpriced',
  durationMs: 'duration_ms',
}
const countColumns = usageCounts.map((name) => columns[name])

/** The tables of the ledger, from the finest to the coarsest: a long time is added up from few rows. */
export const usageTables = ['olla_usage', 'olla_usage_days', 'olla_usage_blocks'] as const
export type UsageTable = (typeof usageTables)[number]
/** How many hours a row of each table covers. A block has four weeks, because months differ in length. */
export const hoursOf: Readonly<Record<UsageTable, number>> = {
  olla_usage: 1,
  olla_usage_days: hoursPerDay,
  olla_usage_blocks: 28 * hoursPerDay,
}

const maxKnownSubjects = 100_000
/** Rows of one statement: few different ones, which stay prepared, with parameters that both databases accept. */
const statementSizes = [100, 10, 1]
const writerKeptMs = 7 * 86_400_000

/** Writes the ledger's rows and removes old ones. */
export class UsageStore {
  readonly #database: Database
  /** IDs of subjects that exist. */
  readonly #subjects = new Map<string, number>()

  constructor(database: Database) {
    this.#database = database
  }

  /**
   * Writes a batch in one transaction. A batch that was written before is left out: after a lost connection it is
   * unknown whether the transaction was committed.
   * @returns the revision of the amounts; undefined if none has changed
   */
  async write({ writer, number, atMs, rows, amounts }: UsageBatch): Promise<number | undefined> {
    try {
      return await this.#database.transaction(async (statements) => {
        const marked = await statements.all(
          `INSERT INTO olla_usage_writers (writer, batch, at) VALUES (?, ?, ?)
          ON CONFLICT (writer) DO UPDATE SET batch = excluded.batch, at = excluded.at
          WHERE olla_usage_writers.batch < excluded.batch RETURNING batch`,
          [writer, number, atMs],
        )
        if (marked.length === 0) return undefined
        await this.#findSubjects(statements, rows)
        // Sorted, so that gateways that share the database never wait for each other's rows in a circle.
        for (const table of usageTables) {
          await this.#addRows(statements, table, this.#numbered(rows, hoursOf[table]))
        }
        return amounts.length === 0 ? undefined : await addAmounts(statements, amounts)
      })
    } catch (error) {
      // Another process may have removed a subject.
      this.#subjects.clear()
      throw error
    }
  }

  /**
   * Removes rows that end before an hour, hour by hour, until they are gone or the time is up.
   * @returns whether they are gone
   */
  async removeBefore(table: UsageTable, hour: number, isTimeUp: () => boolean): Promise<boolean> {
    for (;;) {
      const [row] = await this.#database.all(`SELECT MIN(hour) AS hour FROM ${table}`)
      if (typeof row?.hour !== 'number' || row.hour + hoursOf[table] > hour) return true
      await this.#database.all(`DELETE FROM ${table} WHERE hour = ?`, [row.hour])
      if (isTimeUp()) return false
    }
  }

  /** Removes subjects without rows, and marks of processes that have ended. */
  async removeUnused(nowMs: number): Promise<void> {
    await this.#database.all('DELETE FROM olla_usage_writers WHERE at < ?', [nowMs - writerKeptMs])
    await this.#database.all(
      `DELETE FROM olla_usage_subjects WHERE NOT EXISTS
        (SELECT 1 FROM olla_usage_blocks b WHERE b.subject = olla_usage_subjects.id)
      AND NOT EXISTS (SELECT 1 FROM olla_usage_days d WHERE d.subject = olla_usage_subjects.id)
      AND NOT EXISTS (SELECT 1 FROM olla_usage h WHERE h.subject = olla_usage_subjects.id)`,
    )
    this.#subjects.clear()
  }

  async #findSubjects(statements: Statements, rows: readonly UsageRow[]): Promise<void> {
    if (this.#subjects.size > maxKnownSubjects) this.#subjects.clear()
    let isLocked = false
    for (const row of rows) {
      const name = subjectText(row)
      if (this.#subjects.has(name)) continue
      // The row of the sequence is the lock under which processes add subjects.
      if (!isLocked) await statements.all('UPDATE olla_usage_sequence SET last_id = last_id WHERE id = 1')
      isLocked = true
      this.#subjects.set(name, (await findSubject(statements, row)) ?? (await addSubject(statements, row)))
    }
  }

  #numbered(rows: readonly UsageRow[], hours: number): [hour: number, subject: number, row: UsageRow][] {
    return rows
      .map((row): [number, number, UsageRow] => [
        Math.floor(row.hour / hours) * hours,
        this.#subjects.get(subjectText(row)) ?? 0,
        row,
      ])
      .sort((a, b) => a[0] - b[0] || a[1] - b[1])
  }

  async #addRows(
    statements: Statements,
    table: UsageTable,
    rows: readonly (readonly [hour: number, subject: number, row: UsageRow])[],
  ): Promise<void> {
    const merged = mergedRows(rows)
    for (let at = 0; at < merged.length; ) {
      const size = statementSizes.find((each) => at + each <= merged.length) ?? 1
      await statements.all(insertText(table, size), merged.slice(at, at + size).flat())
      at += size
    }
  }
}

/** One statement must not change a row twice. */
function mergedRows(
  rows: readonly (readonly [hour: number, subject: number, row: UsageRow])[],
): SqlValue[][] {
  const merged: number[][] = []
  for (const [hour, subject, row] of rows) {
    const last = merged.at(-1)
    if (last !== undefined && last[0] === hour && last[1] === subject) {
      usageCounts.forEach((name, at) => {
        last[at + 2] = (last[at + 2] ?? 0) + row[name]
      })
    } else merged.push([hour, subject, ...usageCounts.map((name) => row[name])])
  }
  const costAt = usageCounts.indexOf('cost') + 2
  return merged.map((values) => values.map((value, at) => (at === costAt ? value : Math.round(value))))
}

const insertTexts = new Map<string, string>()

function insertText(table: UsageTable, rows: number): string {
  const name = `${table} ${rows}`
  const known = insertTexts.get(name)
  if (known !== undefined) return known
  const names = ['hour', 'subject', ...countColumns]
  const values = `(${names.map(() => '?').join(', ')})`
  const sums = countColumns.map((column) => `${column} = ${table}.${column} + excluded.${column}`)
  const text = `INSERT INTO ${table} (${names.join(', ')}) VALUES ${Array(rows).fill(values).join(', ')}
    ON CONFLICT (hour, subject) DO UPDATE SET ${sums.join(', ')}`
  insertTexts.set(name, text)
  return text
}

const subjectColumns = 'key_id, key_name, owner, team, model, endpoint'

function subjectValues({ keyId, keyName, owner, team, model, endpoint }: UsageSubject): SqlValue[] {
  return [keyId, keyName, owner, team, model, endpoint]
}

async function findSubject(statements: Statements, subject: UsageSubject): Promise<number | undefined> {
  const [row] = await statements.all(
    `SELECT id FROM olla_usage_subjects WHERE key_id = ? AND key_name = ? AND owner = ? AND team = ? AND model = ?
    AND endpoint = ?`,
    subjectValues(subject),
  )
  return row === undefined ? undefined : Number(row.id)
}

async function addSubject(statements: Statements, subject: UsageSubject): Promise<number> {
  const [row] = await statements.all(
    'UPDATE olla_usage_sequence SET last_id = last_id + 1 WHERE id = 1 RETURNING last_id',
  )
  const id = Number(row?.last_id)
  await statements.all(
    `INSERT INTO olla_usage_subjects (id, ${subjectColumns}) VALUES (?, ?, ?, ?, ?, ?, ?)`,
    [id, ...subjectValues(subject)],
  )
  return id
}
