import type { Pool, PoolClient } from 'pg'
import type { Database, Row, SqlValue, Statements } from './database.ts'

/** Connections of one gateway: statements are few, and several gateways share the server. */
const maxConnections = 4
const connectMs = 5_000
const statementMs = 10_000
/** Of `int8` and `numeric`, which the package returns as text by default. */
const int8Type = 20
const numericType = 1700

export interface PostgresOptions {
  /** Called for errors of idle connections. */
  readonly onError: (error: Error) => void
}

/** Makes a pool of connections; the first statement connects. @throws Error if the package `pg` is missing */
export async function openPostgres(url: string, { onError }: PostgresOptions): Promise<Database> {
  const { Pool, TypeOverrides } = await loadPackage()
  const types = new TypeOverrides()
  types.setTypeParser(int8Type, Number)
  types.setTypeParser(numericType, Number)
  const pool: Pool = new Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: connectMs,
    query_timeout: statementMs,
    // The server ends what this client no longer waits for, also if the whole process is stopped within a transaction.
    statement_timeout: statementMs,
    idle_in_transaction_session_timeout: statementMs,
    application_name: 'olla-gateway',
    allowExitOnIdle: true,
    types,
  })
  pool.on('error', onError)
  return {
    dialect: 'postgres',
    async all(sql, values = []) {
      return (await pool.query<Row>(numbered(sql), [...values])).rows
    },
    async transaction(work) {
      const client = await pool.connect()
      // The pool listens to idle clients only; without a listener, a connection that breaks would end the process.
      client.on('error', onError)
      let failed = false
      try {
        await client.query('BEGIN')
        const result = await work(statementsOf(client))
        await client.query('COMMIT')
        return result
      } catch (error) {
        failed = true
        await client.query('ROLLBACK').catch(() => undefined)
        throw error
      } finally {
        // The state of a connection on which something failed is unknown.
        client.off('error', onError)
        client.release(failed)
      }
    },
    close: () => pool.end(),
  }
}

function statementsOf(client: PoolClient): Statements {
  return {
    async all(sql: string, values: readonly SqlValue[] = []) {
      return (await client.query<Row>(numbered(sql), [...values])).rows
    },
  }
}

const known = new Map<string, string>()

/** Replaces each `?` by `$1`, `$2`, …: no text of ours contains one. */
function numbered(sql: string): string {
  const found = known.get(sql)
  if (found !== undefined) return found
  let count = 0
  const text = sql.replaceAll('?', () => `$${++count}`)
  if (known.size < 1_000) known.set(sql, text)
  return text
}

async function loadPackage(): Promise<Pick<typeof import('pg'), 'Pool' | 'TypeOverrides'>> {
  try {
    const { default: pg } = await import('pg')
    return pg
  } catch (error) {
    throw new Error('callers.store needs the package pg for PostgreSQL: npm install pg', { cause: error })
  }
}
