import type { Clock, Timer } from '../../kernel/clock.ts'
import { type Level, OverloadLevel, type OverloadLimits } from './overload-level.ts'

/** Interval of the samples; milliseconds. */
export const sampleMs = 200

export interface OverloadChange {
  readonly from: Level
  readonly to: Level
  readonly delayMs: number
  readonly memoryShare: number
}

export interface OverloadWatchOptions {
  readonly clock: Clock
  readonly limits: OverloadLimits
  /** Used share of the memory for bodies, 0 to 1. */
  readonly memoryShare: () => number
  readonly onChange: (change: OverloadChange) => void
}

/** Samples the event loop of this thread: a timer that fires late shows how long a request waits for its turn. */
export class OverloadWatch {
  /** Read for each request. */
  level: Level = 0
  readonly #options: OverloadWatchOptions
  readonly #levels: OverloadLevel
  #timer: Timer | undefined
  #dueMs = 0

  constructor(options: OverloadWatchOptions) {
    this.#options = options
    this.#levels = new OverloadLevel(options.limits)
  }

  set limits(limits: OverloadLimits) {
    this.#levels.limits = limits
  }

  start(): void {
    const { clock } = this.#options
    this.#dueMs = clock.monotonicMs() + sampleMs
    this.#timer = clock.after(sampleMs, this.#sample)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  readonly #sample = (): void => {
    const { clock, memoryShare: readShare, onChange } = this.#options
    const nowMs = clock.monotonicMs()
    const delayMs = Math.max(0, nowMs - this.#dueMs)
    const memoryShare = readShare()
    this.#levels.sample(delayMs, memoryShare, nowMs)
    const from = this.level
    const to = this.#levels.level
    this.level = to
    this.start()
    if (to !== from) onChange({ from, to, delayMs, memoryShare })
  }
}
