import type { Clock } from '../clock.ts'
import { Cells64 } from './cells64.ts'
import { KeyHash } from './key-hash.ts'
import { ownPlace, type TablePlace } from './table-place.ts'

export interface SharedCacheOptions {
  /** Maximum number of entries; above 16, rounded up to a multiple of 8. */
  readonly capacity: number
  /** An entry expires after this long without `set` or `get`; milliseconds. 0: entries do not expire. */
  readonly ttlMs: number
  /** Must have the same monotonic time on all threads. */
  readonly clock: Clock
}

/** A string, or a safe integer that is already a hash. */
export type CacheKey = string | number

const maxWays = 8
/** Up to this capacity all entries share one set, and the cache evicts the least recently used of all. */
const smallCapacity = 16

/** The lower half of a cell: the value (0 marks an empty cell) and the time of last use. */
const valueBits = 14
const timeBits = 32 - valueBits
const valueMask = 2 ** valueBits - 1
const timeMask = 2 ** timeBits - 1
/** Resolution of the time of last use; an entry may live one tick longer. */
const ticksPerTtl = 1024
const tickMsWithoutTtl = 1_000
const skewTicks = 2

/** Seeds of the hash, at the beginning of the buffer. */
const headerBytes = 8
/** Attempts to change a cell that other threads keep changing; a cache may then give up. */
const maxTries = 16

/**
 * A bounded map from keys to small numbers that all threads share without locks: sets of 8 cells of 64 bits (half of
 * the key's hash, value, time of last use), each changed by one compare-and-swap.
 *
 * - Entries expire when unused for `ttlMs`. A full set evicts its least recently used entry even if other sets have
 *   room: filled to half of its capacity, a cache keeps 99 % of its entries, to three quarters 94 %, so use twice the
 *   capacity that must fit. Up to 16 entries share one set, in exact order of use. The resolution of times is a
 *   thousandth of the time to live.
 * - Keys are not stored: two keys share an entry with a probability of 2^-29 per lookup. The hash is seeded at random,
 *   so that no client can search for such keys.
 */
export class SharedCache {
  /** The maximum value of an entry; the minimum is 0. */
  static readonly maxValue = valueMask - 1
  /** Maximum number of entries. */
  readonly capacity: number
  readonly #clock: Clock
  readonly #ways: number
  readonly #sets: number
  readonly #tickMs: number
  readonly #ttlTicks: number
  readonly #cells: Cells64
  readonly #hash: KeyHash

  constructor(options: SharedCacheOptions, place: TablePlace = ownPlace()) {
    const { capacity, ttlMs } = options
    this.#clock = options.clock
    this.#ways = waysOf(capacity)
    this.#sets = setsOf(capacity)
    this.#tickMs = ttlMs > 0 ? ttlMs / ticksPerTtl : tickMsWithoutTtl
    this.#ttlTicks = ttlMs > 0 ? ticksPerTtl : Number.POSITIVE_INFINITY
    const buffer = SharedCache.reserve(place, capacity)
    this.#hash = new KeyHash(new Int32Array(buffer, 0, 2))
    this.capacity = this.#sets * this.#ways
    this.#cells = new Cells64(buffer, headerBytes, this.#sets * this.#ways)
  }

  /** Allocates the memory of a cache that other threads will build. */
  static reserve(place: TablePlace, capacity: number): SharedArrayBuffer {
    const cells = setsOf(capacity) * waysOf(capacity)
    const bytes = headerBytes + cells * BigInt64Array.BYTES_PER_ELEMENT
    return place.allocate({ kind: 'cache', rows: cells }, bytes, { randomBytes: headerBytes })
  }

  /** Returns the value and counts as a use. */
  get(key: CacheKey): number | undefined {
    const cells = this.#cells
    const first = this.#find(key)
    const tag = this.#hash.high
    const now = this.#now()
    for (let at = first; at < first + this.#ways; at++) {
      if (cells.peekHigh(at) !== tag) continue
      const cell = cells.read(at)
      const { high, low } = cells
      if (high !== tag || low === 0) continue
      const age = ageIn(low, now)
      if (age > this.#ttlTicks) continue
      // If another thread was faster, either it used the entry too, or the cell now holds another entry.
      if (age > 0) cells.swap(at, cell, tag, entry(valueIn(low), now))
      return valueIn(low)
    }
    return undefined
  }

  /** Returns the value without counting as a use. */
  peek(key: CacheKey): number | undefined {
    const cells = this.#cells
    const first = this.#find(key)
    const tag = this.#hash.high
    for (let at = first; at < first + this.#ways; at++) {
      if (cells.peekHigh(at) !== tag) continue
      cells.read(at)
      const { high, low } = cells
      if (high === tag && low !== 0 && ageIn(low, this.#now()) <= this.#ttlTicks) return valueIn(low)
    }
    return undefined
  }

  /**
   * @param value integer, 0 to `SharedCache.maxValue`
   * @throws RangeError for any other value
   */
  set(key: CacheKey, value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > SharedCache.maxValue) {
      throw new RangeError(`${value} is not a whole number from 0 to ${SharedCache.maxValue}`)
    }
    const first = this.#find(key)
    const tag = this.#hash.high
    for (let tries = 0; tries < maxTries; tries++) {
      const now = this.#now()
      const at = this.#placeFor(first, tag, now)
      const cell = this.#cells.read(at)
      const existed = this.#cells.high === tag && this.#cells.low !== 0
      if (!this.#cells.swap(at, cell, tag, entry(value, now))) continue
      if (!existed) this.#dropDoubles(first, tag)
      return
    }
  }

  /** @returns whether the entry existed */
  delete(key: CacheKey): boolean {
    const first = this.#find(key)
    const tag = this.#hash.high
    const now = this.#now()
    let existed = false
    for (let at = first; at < first + this.#ways; at++) {
      const isLive = (low: number) => ageIn(low, now) <= this.#ttlTicks
      if (this.#dropIf(at, (high, low) => high === tag && isLive(low))) existed = true
    }
    return existed
  }

  /** Deletes all entries with a value. @returns their number */
  deleteValue(value: number): number {
    return this.#dropAll((low) => valueIn(low) === value)
  }

  /** @returns the number of entries deleted */
  clear(): number {
    const now = this.#now()
    this.#dropAll((low) => ageIn(low, now) > this.#ttlTicks)
    return this.#dropAll(() => true)
  }

  /** Number of entries; scans all cells, like `tally`. */
  size(): number {
    return this.tally().reduce((sum, count) => sum + count, 0)
  }

  /**
   * Number of entries per value. Scans all cells and frees expired ones, which must happen at least once in 200 times
   * to live: the time of last use wraps around after 256.
   */
  tally(): number[] {
    const now = this.#now()
    this.#dropAll((low) => ageIn(low, now) > this.#ttlTicks)
    const counts: number[] = []
    for (let at = 0; at < this.#cells.length; at++) {
      this.#cells.read(at)
      const { low } = this.#cells
      if (low !== 0) counts[valueIn(low)] = (counts[valueIn(low)] ?? 0) + 1
    }
    return counts
  }

  #now(): number {
    return Math.floor(this.#clock.monotonicMs() / this.#tickMs) & timeMask
  }

  /** Hashes the key. @returns the first cell of its set */
  #find(key: CacheKey): number {
    this.#hash.update(key)
    return Math.floor(((this.#hash.low >>> 0) / 2 ** 32) * this.#sets) * this.#ways
  }

  /** Returns the key's own cell, or else a free, expired or the least recently used one. */
  #placeFor(first: number, tag: number, now: number): number {
    let place = first
    let oldest = -1
    for (let at = first; at < first + this.#ways; at++) {
      this.#cells.read(at)
      const { high, low } = this.#cells
      if (low !== 0 && high === tag) return at
      const age = low === 0 ? Number.POSITIVE_INFINITY : ageIn(low, now)
      if (age > oldest) {
        oldest = age
        place = at
      }
    }
    return place
  }

  /** Two threads may have put one key into two cells of its set at the same time: keep the first. */
  #dropDoubles(first: number, tag: number): void {
    let isFirst = true
    for (let at = first; at < first + this.#ways; at++) {
      this.#cells.read(at)
      if (this.#cells.low === 0 || this.#cells.high !== tag) continue
      if (!isFirst) this.#dropIf(at, (high) => high === tag)
      isFirst = false
    }
  }

  #dropAll(matches: (low: number) => boolean): number {
    let dropped = 0
    for (let at = 0; at < this.#cells.length; at++) {
      if (this.#dropIf(at, (_high, low) => matches(low))) dropped++
    }
    return dropped
  }

  /** Empties a cell while it matches. */
  #dropIf(at: number, matches: (high: number, low: number) => boolean): boolean {
    for (let tries = 0; tries < maxTries; tries++) {
      const cell = this.#cells.read(at)
      const { high, low } = this.#cells
      if (low === 0 || !matches(high, low)) return false
      if (this.#cells.swap(at, cell, 0, 0)) return true
    }
    return false
  }
}

function waysOf(capacity: number): number {
  return capacity <= smallCapacity ? Math.max(1, capacity) : maxWays
}

function setsOf(capacity: number): number {
  return Math.ceil(Math.max(1, capacity) / waysOf(capacity))
}

function entry(value: number, time: number): number {
  return ((value + 1) << timeBits) | time
}

function valueIn(low: number): number {
  return (low >>> timeBits) - 1
}

/** Age in ticks. Threads may read the clock on either side of a tick, so it can be slightly below 0. */
function ageIn(low: number, now: number): number {
  return ((now - (low & timeMask) + skewTicks) & timeMask) - skewTicks
}
