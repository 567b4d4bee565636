import type { KeyHasher } from '../keys/key-hasher.ts'
import { CallerStore } from './caller-store.ts'
import type { Database } from './database.ts'
import { migrate, StoreError } from './migrations.ts'
import { startingDatabase } from './starting-database.ts'
import { isUnreachable } from './unreachable.ts'

/** Whether a store is a PostgreSQL URL. */
export function isPostgresUrl(store: string): boolean {
  return /^postgres(?:ql)?:\/\//i.test(store)
}

/**
 * Opens the store of a configuration and brings its tables to the current version. Loads the driver that it needs only.
 * A PostgreSQL that is away is opened all the same: its statements fail until it is there.
 * @throws StoreError, whose message holds no credentials
 */
export async function openStore(
  store: string,
  hasher: KeyHasher,
  onError: (error: Error) => void,
): Promise<CallerStore> {
  let database: Database | undefined
  try {
    const opened = await openDatabase(store, onError)
    database = opened
    const prepare = () => migrate(opened, { secretCheck: hasher.checkValue })
    try {
      await prepare()
    } catch (error) {
      if (!isPostgresUrl(store) || !isUnreachable(error)) throw error
      return new CallerStore(startingDatabase(opened, prepare))
    }
    return new CallerStore(opened)
  } catch (error) {
    await database?.close().catch(() => undefined)
    throw storeError(store, error)
  }
}

async function openDatabase(store: string, onError: (error: Error) => void): Promise<Database> {
  if (isPostgresUrl(store)) {
    const { openPostgres } = await import('./postgres-database.ts')
    return openPostgres(store, { onError })
  }
  const { openSqlite } = await import('./sqlite-database.ts')
  return openSqlite(store)
}

function storeError(store: string, error: unknown): StoreError {
  const reason = error instanceof Error ? error.message : String(error)
  return new StoreError(`callers.store ${shownStore(store)} cannot be used: ${reason}`, { cause: error })
}

/** The store without a user's password. */
export function shownStore(store: string): string {
  if (!isPostgresUrl(store)) return store
  if (!URL.canParse(store)) return 'postgres://…'
  const url = new URL(store)
  return `postgres://${url.host}${url.pathname}`
}
