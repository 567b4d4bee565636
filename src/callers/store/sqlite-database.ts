import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import { type Database, type Row, type SqlValue, type Statements, Turns } from './database.ts'

/** How long to wait for another connection that writes, and how often to look: SQLite's own wait blocks the thread. */
const busyMs = 5_000
const retryMs = 10
/** SQLITE_BUSY, without the extended part of the code. */
const busyCode = 5
const maxPrepared = 100

interface Prepared {
  readonly statement: StatementSync
  columns: readonly string[]
}

/**
 * Opens a SQLite file, or creates it, readable by its owner only.
 * @throws Error if the file cannot be opened
 */
export function openSqlite(file: string): Database {
  mkdirSync(dirname(file), { recursive: true })
  closeSync(openSync(file, 'a', 0o600))
  const db = new DatabaseSync(file, { timeout: 0, allowExtension: false })
  // Readers do not wait for a writer, and a commit need not wait for the disk: a crash of the machine, not of the
  // process, may lose the last commits (sqlite.org/wal.html).
  db.exec(
    `PRAGMA busy_timeout = ${busyMs}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 0`,
  )
  protect(file)
  const prepared = new Map<string, Prepared>()
  const turns = new Turns()

  function prepare(sql: string): Prepared {
    const known = prepared.get(sql)
    if (known !== undefined) return known
    if (prepared.size >= maxPrepared) prepared.clear()
    const statement = db.prepare(sql)
    statement.setReturnArrays(true)
    const made = { statement, columns: columnsOf(statement) }
    prepared.set(sql, made)
    return made
  }
  const statements: Statements = {
    async all(sql, values = []) {
      const known = prepare(sql)
      const rows: readonly unknown[] = known.statement.all(...values)
      if (rows.length > 0) known.columns = columnsOf(known.statement)
      return rows.map((row) => rowOf(row, known.columns))
    },
  }
  return {
    dialect: 'sqlite',
    all: (sql, values) => turns.take(() => unlessBusy(() => statements.all(sql, values))),
    transaction: (work) =>
      turns.take(async () => {
        await unlessBusy(async () => db.exec('BEGIN IMMEDIATE'))
        try {
          const result = await work(statements)
          db.exec('COMMIT')
          return result
        } catch (error) {
          if (db.isTransaction) db.exec('ROLLBACK')
          throw error
        }
      }),
    close: () => turns.take(async () => db.close()),
  }
}

/** Tries again while another connection holds the lock. */
async function unlessBusy<T>(work: () => Promise<T>): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += retryMs) {
    try {
      return await work()
    } catch (error) {
      if (waitedMs >= busyMs || !isBusy(error)) throw error
    }
    await setTimeout(retryMs)
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === busyCode
}

/** The files that WAL adds have the mode of the database, which may be older than this code. */
function protect(file: string): void {
  if (process.platform !== 'win32') chmodSync(file, 0o600)
}

/** Names of the columns; they change with the tables. */
function columnsOf(statement: StatementSync): string[] {
  return statement.columns().map(({ name }) => name)
}

/** Makes a row from its values: the objects that SQLite's own method makes take four times as long to make and read. */
function rowOf(values: unknown, columns: readonly string[]): Row {
  if (!Array.isArray(values)) throw new TypeError('a row without values')
  const row: Record<string, SqlValue> = {}
  for (let at = 0; at < columns.length; at++) {
    const value: unknown = values[at]
    const name = columns[at] ?? ''
    if (typeof value === 'string' || typeof value === 'number' || value === null) row[name] = value
    else throw new TypeError(`column ${name} has a value of type ${typeof value}`)
  }
  return row
}
