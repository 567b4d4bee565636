import type { LimitStore, RateLimit } from './limit-store.ts'

/** Allows for typing errors, and is far too low to guess 16 characters. */
const limit: RateLimit = { perMinute: 10, burst: 10 }

/**
 * Limits how often a client may present a wrong token. A try is taken before the comparison: otherwise a client without
 * tries left could still learn from the answer whether a guess was right.
 */
export class TokenTries {
  readonly #store: LimitStore

  constructor(store: LimitStore) {
    this.#store = store
  }

  /** Takes a try. @returns milliseconds until the next one; 0 if the token may be compared */
  take(client: string, nowMs: number): number {
    const { allowed, retryAfterMs } = this.#store.take(keyOf(client), limit, nowMs)
    return allowed ? 0 : Math.max(1, retryAfterMs)
  }

  /** Returns the try, because the token was right. */
  giveBack(client: string): void {
    this.#store.giveBack(keyOf(client), limit)
  }
}

function keyOf(client: string): string {
  return `token ${client}`
}
