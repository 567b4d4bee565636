import type { Database } from './database.ts'

/**
 * A database that was away when it was opened, so that its tables may not have the current version. Each statement first
 * tries to bring them to it.
 * @param prepare brings the tables to the current version
 */
export function startingDatabase(database: Database, prepare: () => Promise<void>): Database {
  let ready: Promise<void> | undefined
  async function prepared(): Promise<void> {
    ready ??= prepare()
    try {
      await ready
    } catch (error) {
      ready = undefined
      throw error
    }
  }
  return {
    dialect: database.dialect,
    async all(sql, values) {
      await prepared()
      return database.all(sql, values)
    },
    async transaction(work) {
      await prepared()
      return database.transaction(work)
    },
    close: () => database.close(),
  }
}
