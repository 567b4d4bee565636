import type { LimitStore, RateLimit } from './limit-store.ts'

/** What a person mistypes, and far below what a guess at 16 characters needs. */
const limit: RateLimit = { perMinute: 10, burst: 10 }

/**
 * How often a client may show a wrong token. A try is taken before the token is compared: otherwise a client that has
 * none left would still learn from the answer whether a guess was right.
 */
export class TokenTries {
  readonly #store: LimitStore

  constructor(store: LimitStore) {
    this.#store = store
  }

  /** Takes a try. @returns milliseconds until the next one; 0 where the token may be compared */
  take(client: string, nowMs: number): number {
    const { allowed, retryAfterMs } = this.#store.take(keyOf(client), limit, nowMs)
    return allowed ? 0 : Math.max(1, retryAfterMs)
  }

  /** The token was the right one: it costs nothing. */
  giveBack(client: string): void {
    this.#store.giveBack(keyOf(client), limit)
  }
}

function keyOf(client: string): string {
  return `token ${client}`
}
