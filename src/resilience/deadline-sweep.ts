import type { Clock, Timer } from '../clock.ts'

/** Something with a time limit that may move. */
export interface DeadlineEntry {
  /** Monotonic milliseconds; `Infinity` for none. */
  readonly deadlineMs: number
  /** Called once per sweep while the deadline lies in the past. */
  onDeadline(nowMs: number): void
}

/**
 * One timer for all requests instead of one each: it looks at every entry so often, and moving a deadline
 * costs one assignment. Precision is `resolutionMs`.
 */
export class DeadlineSweep {
  readonly #clock: Clock
  readonly #resolutionMs: number
  readonly #entries = new Set<DeadlineEntry>()
  #timer: Timer | undefined

  constructor(clock: Clock, resolutionMs = 50) {
    this.#clock = clock
    this.#resolutionMs = resolutionMs
  }

  get size(): number {
    return this.#entries.size
  }

  add(entry: DeadlineEntry): void {
    this.#entries.add(entry)
    this.#timer ??= this.#clock.after(this.#resolutionMs, this.#sweep)
  }

  delete(entry: DeadlineEntry): void {
    this.#entries.delete(entry)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#entries.clear()
  }

  readonly #sweep = (): void => {
    this.#timer = undefined
    const nowMs = this.#clock.monotonicMs()
    for (const entry of this.#entries) {
      if (entry.deadlineMs <= nowMs) entry.onDeadline(nowMs)
    }
    if (this.#entries.size > 0) this.#timer ??= this.#clock.after(this.#resolutionMs, this.#sweep)
  }
}
