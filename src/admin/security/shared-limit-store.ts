import { Cells64 } from '../../kernel/cells/cells64.ts'
import { KeyHash } from '../../kernel/cells/key-hash.ts'
import { ownPlace, type TablePlace } from '../../kernel/cells/table-place.ts'
import type { LimitResult, LimitStore, RateLimit } from './limit-store.ts'

/**
 * A cell: the upper 28 bits hold a part of the key's hash, the lower 36 the time at which the bucket will be full, in
 * ticks of 4 microseconds. The time wraps around after 76 hours; one further ahead than a bucket can be is left over
 * from before.
 */
const tickMs = 0.004
/** Bits of the time stored in the upper half of a cell. */
const timeBits = 4
const timeMask = 0xf
const lowerRange = 2 ** 32
const timeRange = lowerRange * 2 ** timeBits
/** Caps the size of a bucket at what fills in 38 hours. */
const maxTicks = timeRange / 2

/** Bytes before the cells, for the seeds of the hash. */
const limitHeaderBytes = 8
/** Cells per set. */
const limitWays = 8

/** Attempts to change a cell that other threads keep changing; in each round one thread succeeds. */
const maxTries = 1_000

/**
 * Token buckets that all threads share, exact over all of them: a bucket is the time at which it will be full (the
 * generic cell rate algorithm, ITU-T I.371), so that taking a token is one compare-and-swap.
 *
 * Memory is bounded: keys are in sets of eight; in a full set the bucket closest to being full is replaced. Keys are
 * not stored: two keys share a bucket with a probability of 2^-25 per lookup, and the hash is seeded at random.
 */
export class SharedLimitStore implements LimitStore {
  readonly #sets: number
  readonly #cells: Cells64
  readonly #hash: KeyHash

  /** @param capacity maximum number of keys; rounded up to a multiple of 8 */
  constructor(capacity: number, place: TablePlace = ownPlace()) {
    this.#sets = Math.ceil(capacity / limitWays)
    const cells = this.#sets * limitWays
    const bytes = limitHeaderBytes + cells * BigInt64Array.BYTES_PER_ELEMENT
    const start = { randomBytes: limitHeaderBytes }
    const memory = place.allocate({ kind: 'rate limits', rows: cells }, bytes, start)
    this.#hash = new KeyHash(new Int32Array(memory, 0, 2))
    this.#cells = new Cells64(memory, limitHeaderBytes, cells)
  }

  take(key: string, limit: RateLimit, nowMs: number): LimitResult {
    const interval = intervalOf(limit)
    const full = interval * Math.min(limit.burst, Math.floor(maxTicks / interval))
    const now = Math.floor(nowMs / tickMs)
    const first = this.#find(key)
    for (let tries = 0; tries < maxTries; tries++) {
      const at = this.#placeFor(first, now)
      const cell = this.#cells.read(at)
      const owed = this.#isMine() ? owedAt(this.#time(), now, full) : 0
      if (owed + interval > full) return result(false, owed, interval, full)
      const next = owed + interval
      if (this.#swap(at, cell, now + next)) return result(true, next, interval, full)
    }
    // No thread loses this many races; if the limit cannot be enforced, refuse the request.
    return result(false, full, interval, full)
  }

  giveBack(key: string, limit: RateLimit): void {
    const interval = intervalOf(limit)
    const first = this.#find(key)
    for (let at = first; at < first + limitWays; at++) {
      let cell = this.#cells.read(at)
      while (this.#isMine() && !this.#swap(at, cell, this.#time() - interval)) cell = this.#cells.read(at)
    }
  }

  /** Empties buckets that were full at that time: they are equivalent to empty cells. */
  clean(nowMs: number): void {
    const now = Math.floor(nowMs / tickMs)
    for (let at = 0; at < this.#cells.length; at++) {
      const cell = this.#cells.read(at)
      if (!this.#isEmpty() && aheadOf(this.#time(), now) <= 0) this.#cells.swap(at, cell, 0, 0)
    }
  }

  /** Number of buckets; scans all cells. */
  get size(): number {
    let size = 0
    for (let at = 0; at < this.#cells.length; at++) {
      this.#cells.read(at)
      if (!this.#isEmpty()) size++
    }
    return size
  }

  /** Hashes the key. @returns the first cell of its set */
  #find(key: string): number {
    this.#hash.update(key)
    return Math.floor(((this.#hash.low >>> 0) / 2 ** 32) * this.#sets) * limitWays
  }

  /** Returns the key's own cell, or else an empty one, or the bucket closest to being full. */
  #placeFor(first: number, now: number): number {
    const tag = this.#hash.high >>> timeBits
    for (let at = first; at < first + limitWays; at++) {
      // If the cell belongs to another key by the time the caller reads it, the caller detects that.
      if (this.#cells.peekHigh(at) >>> timeBits === tag) return at
    }
    let place = first
    let least = Number.POSITIVE_INFINITY
    for (let at = first; at < first + limitWays; at++) {
      this.#cells.read(at)
      const ahead = this.#isEmpty() ? Number.NEGATIVE_INFINITY : aheadOf(this.#time(), now)
      if (ahead < least) {
        least = ahead
        place = at
      }
    }
    return place
  }

  // These use the last cell read and the last key hashed:

  #isEmpty(): boolean {
    return this.#cells.high === 0 && this.#cells.low === 0
  }

  #isMine(): boolean {
    return this.#cells.high >>> timeBits === this.#hash.high >>> timeBits && !this.#isEmpty()
  }

  #time(): number {
    return (this.#cells.high & timeMask) * lowerRange + (this.#cells.low >>> 0)
  }

  #swap(at: number, cell: bigint, time: number): boolean {
    const wrapped = modulo(time)
    const upper = Math.floor(wrapped / lowerRange)
    return this.#cells.swap(at, cell, (this.#hash.high & ~timeMask) | upper, wrapped | 0)
  }
}

/**
 * Ticks between two requests at the limit's rate: exact to 1 % up to 300,000 a minute, and at most 15 million, which no
 * process serves.
 */
function intervalOf({ perMinute }: RateLimit): number {
  return Math.max(1, Math.round(60_000 / perMinute / tickMs))
}

/** Like `%` for a non-negative number, but several times faster. */
function modulo(time: number): number {
  return time - Math.floor(time / timeRange) * timeRange
}

/** Ticks from now to a time; negative if it has passed. */
function aheadOf(time: number, now: number): number {
  const ahead = modulo(time - now)
  return ahead < timeRange / 2 ? ahead : ahead - timeRange
}

/** Ticks until the bucket is full; 0 also for a leftover time, further ahead than any bucket of the limit. */
function owedAt(time: number, now: number, full: number): number {
  const ahead = modulo(time - now)
  return ahead > full ? 0 : ahead
}

function result(allowed: boolean, owed: number, interval: number, full: number): LimitResult {
  return {
    allowed,
    remaining: Math.floor((full - owed) / interval),
    retryAfterMs: allowed ? 0 : (owed + interval - full) * tickMs,
    fullInMs: owed * tickMs,
  }
}
