import type { ClientPool, ClientPoolOptions, HttpClient } from './client/contract.ts'
import { ConnectionPool } from './client/own/connection-pool.ts'
import { UndiciPool } from './client/undici/pool.ts'

export const poolOf: Readonly<Record<HttpClient, (options: ClientPoolOptions) => ClientPool>> = {
  own: (options) => new ConnectionPool(options),
  undici: (options) => new UndiciPool(options),
}
