/** Limits of the event-loop delay above which requests are refused; milliseconds, 0 for never. */
export interface OverloadLimits {
  readonly lowMs: number
  readonly normalMs: number
  readonly highMs: number
  /** Used share of the memory for bodies from which requests of low priority are refused; 0 for never. */
  readonly lowMemory: number
}

/** 0: nothing is refused; 1: low priority; 2: normal too; 3: everything that may be refused. */
export type Level = 0 | 1 | 2 | 3

/** Priorities in the order in which they are refused. */
export const refusedFirst = ['low', 'normal', 'high'] as const
export type Priority = (typeof refusedFirst)[number]

/** Time below half of a limit before the level falls by one; milliseconds. */
const calmMs = 1_000
/** Memory must fall to this share of its limit. */
const calmMemory = 0.9

/**
 * Derives the level from samples. One long turn of the event loop (a garbage collection, a suspended process) is no
 * overload, so the level rises only if two samples in a row exceed a limit. It falls one step at a time.
 */
export class OverloadLevel {
  #limits: OverloadLimits
  #byDelay: Level = 0
  #isMemoryShort = false
  #lastDelayMs = 0
  /** Since when the delay is below half of the limit; undefined if it is not. */
  #calmSinceMs: number | undefined

  constructor(limits: OverloadLimits) {
    this.#limits = limits
  }

  get level(): Level {
    return this.#byDelay === 0 && this.#isMemoryShort ? 1 : this.#byDelay
  }

  set limits(limits: OverloadLimits) {
    this.#limits = limits
  }

  /**
   * @param delayMs how late the event loop ran a timer
   * @param memoryShare used share of the memory for bodies
   */
  sample(delayMs: number, memoryShare: number, nowMs: number): void {
    const risen = this.#levelAt(Math.min(delayMs, this.#lastDelayMs))
    this.#lastDelayMs = delayMs
    if (risen > this.#byDelay) {
      this.#byDelay = risen
      this.#calmSinceMs = undefined
    } else if (this.#byDelay > 0) this.#calm(delayMs, nowMs)
    const { lowMemory } = this.#limits
    const limit = this.#isMemoryShort ? lowMemory * calmMemory : lowMemory
    this.#isMemoryShort = lowMemory > 0 && memoryShare >= limit
  }

  #calm(delayMs: number, nowMs: number): void {
    if (this.#levelAt(2 * delayMs) >= this.#byDelay) {
      this.#calmSinceMs = undefined
      return
    }
    this.#calmSinceMs ??= nowMs
    if (nowMs - this.#calmSinceMs < calmMs) return
    this.#byDelay = lower[this.#byDelay]
    this.#calmSinceMs = nowMs
  }

  #levelAt(delayMs: number): Level {
    const { lowMs, normalMs, highMs } = this.#limits
    if (exceeds(delayMs, highMs)) return 3
    if (exceeds(delayMs, normalMs)) return 2
    return exceeds(delayMs, lowMs) ? 1 : 0
  }
}

const lower: Readonly<Record<Level, Level>> = { 0: 0, 1: 0, 2: 1, 3: 2 }

function exceeds(delayMs: number, limitMs: number): boolean {
  return limitMs > 0 && delayMs > limitMs
}

/** The position of a priority among those that are refused: a request is refused if the level is above it. */
export function rankOf(priority: Priority): number {
  return refusedFirst.indexOf(priority)
}

/** The priorities that are refused at a level. */
export function refusedAt(level: number): readonly Priority[] {
  return refusedFirst.slice(0, level)
}

/** Clients that were refused together must not return together; seconds. */
const spreadSeconds = 5

/**
 * Seconds for `Retry-After`: one calm time for each level that must fall first, and a random part.
 * @param random from 0 to 1
 */
export function retryAfterSeconds(level: number, rank: number, random: number): number {
  return Math.ceil(((level - rank) * calmMs) / 1_000) + Math.floor(random * spreadSeconds)
}
