/** A limit on the rate and on bursts. */
export interface RateLimit {
  readonly perMinute: number
  readonly burst: number
}

export interface LimitResult {
  readonly allowed: boolean
  /** Requests that are possible now; an integer. */
  readonly remaining: number
  /** Milliseconds until the next request is allowed; 0 if one is now. */
  readonly retryAfterMs: number
  /** Milliseconds until the bucket is full. */
  readonly fullInMs: number
}

/** Storage of the buckets: this process by default, or a shared store. */
export interface LimitStore {
  /** Takes one token from the key's bucket if there is one. */
  take(key: string, limit: RateLimit, nowMs: number): LimitResult
  /** Returns one token, for a request that another limit has refused. */
  giveBack(key: string, limit: RateLimit): void
  /** Drops full buckets. */
  clean(nowMs: number): void
}
