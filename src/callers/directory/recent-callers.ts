import type { IncomingHttpHeaders } from 'node:http'
import { isKey } from '../keys/key-text.ts'
import { bearerOf } from '../keys/presented-key.ts'
import type { Found } from './directory.ts'
import type { KnownCaller } from './known-caller.ts'

interface Recent {
  /** The whole field; undefined if the request had none, and the key was in `x-api-key`. */
  readonly authorization: string | undefined
  readonly apiKey: string | string[] | undefined
  readonly caller: KnownCaller
  readonly untilMs: number
  /** Of the directory that knew the key. */
  readonly version: number
}

/**
 * Remembers whose key each connection has sent last, because a client that keeps its connection sends the same field
 * again. Any change of the directory makes that void. To compare a field with what the same connection has sent reveals
 * nothing.
 */
export class RecentCallers {
  readonly #last = new WeakMap<object, Recent>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** @returns undefined if the key must be looked up */
  find(connection: object, headers: IncomingHttpHeaders, version: number): KnownCaller | undefined {
    const last = this.#last.get(connection)
    if (last === undefined || last.version !== version) return undefined
    const { authorization, untilMs } = last
    if (headers.authorization !== authorization) return undefined
    if (authorization === undefined && headers['x-api-key'] !== last.apiKey) return undefined
    return untilMs === Number.POSITIVE_INFINITY || this.#nowMs() < untilMs ? last.caller : undefined
  }

  /** @param key the one that `presentedKey` has chosen; remembered only if other headers cannot change that choice */
  note(connection: object, headers: IncomingHttpHeaders, key: string, found: Found, version: number): void {
    const { authorization } = headers
    const apiKey = authorization === undefined ? headers['x-api-key'] : undefined
    if (!isKey(key) || (authorization === undefined ? apiKey : bearerOf(authorization)) !== key) return
    const { caller, untilMs } = found
    this.#last.set(connection, { authorization, apiKey, caller, untilMs, version })
  }
}
