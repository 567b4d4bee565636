import type { HttpClient } from '../../../src/http/client/contract.ts'
import { UndiciPool } from '../../../src/http/client/undici/pool.ts'
import { type CreatePool, createOwnPool } from '../../../src/http/http-clients.ts'

/** Creates a pool of the client. */
export const poolOf: Readonly<Record<HttpClient, CreatePool>> = {
  own: createOwnPool,
  undici: (options) => new UndiciPool(options),
}
