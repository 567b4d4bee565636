/** A limit: so many a minute, so many at once. */
export interface RateLimit {
  readonly perMinute: number
  readonly burst: number
}

export interface LimitResult {
  readonly allowed: boolean
  /** Whole requests that could come now. */
  readonly remaining: number
  /** Milliseconds until one more request may come; 0 where one may. */
  readonly retryAfterMs: number
  /** Milliseconds until the bucket is full. */
  readonly fullInMs: number
}

/** Where buckets are kept. This process here; a shared store can stand in its place. */
export interface LimitStore {
  /** Takes one token of the key's bucket if there is one. */
  take(key: string, limit: RateLimit, nowMs: number): LimitResult
  /** Gives one token back, for a request that another limit has refused. */
  giveBack(key: string, limit: RateLimit): void
  /** Drops buckets that are full again. */
  clean(nowMs: number): void
}
