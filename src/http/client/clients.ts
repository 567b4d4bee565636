import { ConnectionPool } from './connection-pool.ts'
import type { ClientPool, ClientPoolOptions, HttpClient } from './contract.ts'
import { UndiciPool } from './undici/pool.ts'

export const poolOf: Readonly<Record<HttpClient, (options: ClientPoolOptions) => ClientPool>> = {
  own: (options) => new ConnectionPool(options),
  undici: (options) => new UndiciPool(options),
}
