import { LRUCache } from 'lru-cache'

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

interface Bucket {
  tokens: number
  atMs: number
}

/** Clients that are remembered; beyond, the least recent one starts afresh. */
const maxClients = 100_000

/** A bucket that has not been used for so long is full at any limit of at least one request in ten minutes. */
const idleMs = 600_000

/** Token buckets in this process: exact, no timer each, bounded. */
export class LocalLimitStore implements LimitStore {
  readonly #buckets = new LRUCache<string, Bucket>({ max: maxClients })

  get size(): number {
    return this.#buckets.size
  }

  take(key: string, limit: RateLimit, nowMs: number): LimitResult {
    const bucket = this.#bucket(key, limit, nowMs)
    const perMs = limit.perMinute / 60_000
    const allowed = bucket.tokens >= 1
    if (allowed) bucket.tokens -= 1
    return {
      allowed,
      remaining: Math.floor(bucket.tokens),
      retryAfterMs: allowed ? 0 : (1 - bucket.tokens) / perMs,
      fullInMs: (limit.burst - bucket.tokens) / perMs,
    }
  }

  giveBack(key: string, limit: RateLimit): void {
    const bucket = this.#buckets.peek(key)
    if (bucket !== undefined) bucket.tokens = Math.min(limit.burst, bucket.tokens + 1)
  }

  clean(nowMs: number): void {
    for (const [key, { atMs }] of this.#buckets.entries())
      if (nowMs - atMs > idleMs) this.#buckets.delete(key)
  }

  #bucket(key: string, limit: RateLimit, nowMs: number): Bucket {
    const bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      const fresh = { tokens: limit.burst, atMs: nowMs }
      this.#buckets.set(key, fresh)
      return fresh
    }
    bucket.tokens = Math.min(limit.burst, bucket.tokens + ((nowMs - bucket.atMs) * limit.perMinute) / 60_000)
    bucket.atMs = nowMs
    return bucket
  }
}
