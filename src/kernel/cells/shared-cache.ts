import type { Clock } from '../clock.ts'
import { Cells64 } from './cells64.ts'
import { KeyHash } from './key-hash.ts'
import { ownPlace, type TablePlace } from './table-place.ts'

export interface SharedCacheOptions {
  /** Most entries; rounded up to a multiple of 8 above 16. */
  readonly capacity: number
  /** An entry that was neither set nor got for so long is gone; milliseconds. 0: entries stay. */
  readonly ttlMs: number
  /** Its monotonic time must be the same on all threads. */
  readonly clock: Clock
}

/** A text, or a safe integer that is a hash already. */
export type CacheKey = string | number

const mostWays = 8
/** Up to so many entries all lie in one set, and the least recently used of all is evicted. */
const smallCapacity = 16

/** The lower half of a cell: a value, of which 0 is an empty cell, and the time of last use. */
const valueBits = 14
const timeBits = 32 - valueBits
const valueMask = 2 ** valueBits - 1
const timeMask = 2 ** timeBits - 1
/** How finely the time of last use is kept; an entry may live longer by one part. */
const ticksPerTtl = 1024
const tickMsWithoutTtl = 1_000
const skewTicks = 2

/** Seeds of the hash, at the beginning of the buffer. */
const headerBytes = 8
/** A cell that other threads keep changing is given up after so many tries: it is only a cache. */
const mostTries = 16

/**
 * A bounded map from keys to small numbers that all threads share without locks: sets of 8 cells of 64 bits
 * (half of the key's hash, value, time of last use), each changed by one compare-and-swap.
 *
 * - Entries expire when they have not been used for `ttlMs`. A full set drops its least recently used entry
 *   even if other sets have room: a cache half full has kept 99 % of its entries, three quarters full 94 %, so
 *   take twice the capacity that must fit. Up to 16 entries lie in one set, in exactly the order of use.
 *   Times are kept to a thousandth of the time to live.
 * - Keys are not kept: two of them share an entry with a probability of 2^-29 for each lookup. The hash is
 *   seeded at random, so that no client can look for such keys.
 */
export class SharedCache {
  /** The largest value that an entry can have; the smallest is 0. */
  static readonly maxValue = valueMask - 1
  /** Most entries. */
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

  /** Makes the memory of a cache that other threads will build. */
  static reserve(place: TablePlace, capacity: number): SharedArrayBuffer {
    const cells = setsOf(capacity) * waysOf(capacity)
    const bytes = headerBytes + cells * BigInt64Array.BYTES_PER_ELEMENT
    return place.allocate({ kind: 'cache', rows: cells }, bytes, { randomBytes: headerBytes })
  }

  /** Counts as a use: the entry lives on. */
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
      // Where another thread was faster, it has used the entry too, or it is another entry by now.
      if (age > 0) cells.swap(at, cell, tag, entry(valueIn(low), now))
      return valueIn(low)
    }
    return undefined
  }

  /** A look that counts as no use. */
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
   * @param value whole number, 0 to `SharedCache.maxValue`
   * @throws RangeError for any other value
   */
  set(key: CacheKey, value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > SharedCache.maxValue) {
      throw new RangeError(`${value} is not a whole number from 0 to ${SharedCache.maxValue}`)
    }
    const first = this.#find(key)
    const tag = this.#hash.high
    for (let tries = 0; tries < mostTries; tries++) {
      const now = this.#now()
      const at = this.#placeFor(first, tag, now)
      const cell = this.#cells.read(at)
      const wasThere = this.#cells.high === tag && this.#cells.low !== 0
      if (!this.#cells.swap(at, cell, tag, entry(value, now))) continue
      if (!wasThere) this.#dropDoubles(first, tag)
      return
    }
  }

  /** @returns whether there was such an entry */
  delete(key: CacheKey): boolean {
    const first = this.#find(key)
    const tag = this.#hash.high
    const now = this.#now()
    let wasThere = false
    for (let at = first; at < first + this.#ways; at++) {
      const isLive = (low: number) => ageIn(low, now) <= this.#ttlTicks
      if (this.#dropIf(at, (high, low) => high === tag && isLive(low))) wasThere = true
    }
    return wasThere
  }

  /** Deletes all entries of one value. @returns how many */
  deleteValue(value: number): number {
    return this.#dropAll((low) => valueIn(low) === value)
  }

  /** @returns how many entries there were */
  clear(): number {
    const now = this.#now()
    this.#dropAll((low) => ageIn(low, now) > this.#ttlTicks)
    return this.#dropAll(() => true)
  }

  /** How many entries there are; looks at all cells, as `tally` does. */
  size(): number {
    return this.tally().reduce((sum, count) => sum + count, 0)
  }

  /**
   * How many entries there are of each value. Looks at all cells and frees those that have expired, which must
   * happen once in 200 times to live: the time of last use begins anew after 256.
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

  /** The key's own cell, or else one that is free, has expired, or was not used for the longest time. */
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

  /** Two threads may have put one key into two cells of its set at the same time: the first of them stays. */
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

  /** Empties a cell as long as it matches. */
  #dropIf(at: number, matches: (high: number, low: number) => boolean): boolean {
    for (let tries = 0; tries < mostTries; tries++) {
      const cell = this.#cells.read(at)
      const { high, low } = this.#cells
      if (low === 0 || !matches(high, low)) return false
      if (this.#cells.swap(at, cell, 0, 0)) return true
    }
    return false
  }
}

function waysOf(capacity: number): number {
  return capacity <= smallCapacity ? Math.max(1, capacity) : mostWays
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

/** In ticks. Threads may read the clock on either side of a tick, so it can be a little below 0. */
function ageIn(low: number, now: number): number {
  return ((now - (low & timeMask) + skewTicks) & timeMask) - skewTicks
}
