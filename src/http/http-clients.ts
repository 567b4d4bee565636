import type { ClientPool, ClientPoolOptions, HttpClient } from './client/contract.ts'
import { ConnectionPool } from './client/own/connection-pool.ts'

export type CreatePool = (options: ClientPoolOptions) => ClientPool

export const createOwnPool: CreatePool = (options) => new ConnectionPool(options)

/** Loads a client. Loading undici takes a tenth of a start, so a process that does not use it never loads it. */
export async function loadClient(client: HttpClient): Promise<CreatePool> {
  if (client === 'own') return createOwnPool
  const { UndiciPool } = await import('./client/undici/pool.ts')
  return (options) => new UndiciPool(options)
}
