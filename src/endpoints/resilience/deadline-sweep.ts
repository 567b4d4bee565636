import type { Clock, Timer } from '../../kernel/clock.ts'

/** An entry with a movable deadline. */
export interface DeadlineEntry {
  /** Monotonic milliseconds; `Infinity` for none. */
  readonly deadlineMs: number
  /** Index in the sweep's list, maintained by the sweep; -1 when not listed. */
  sweepIndex: number
  /** Called once per sweep while the deadline is in the past. */
  onDeadline(nowMs: number): void
}

/**
 * One timer for all requests instead of one each: it checks every entry periodically, and moving a deadline costs one
 * assignment. The precision is `resolutionMs`.
 *
 * Entries are in a plain array, each with its index: a `Set` with an insertion and a deletion per request leaves
 * outgrown tables behind, which kept finished requests alive until the next full collection (7 MB survived each young
 * collection; now 0.2 MB).
 */
export class DeadlineSweep<Entry extends DeadlineEntry = DeadlineEntry> {
  readonly #clock: Clock
  readonly #resolutionMs: number
  readonly #entries: Entry[] = []
  #timer: Timer | undefined

  constructor(clock: Clock, resolutionMs = 50) {
    this.#clock = clock
    this.#resolutionMs = resolutionMs
  }

  get size(): number {
    return this.#entries.length
  }

  /** A copy, because entries may leave during iteration. */
  entries(): Entry[] {
    return [...this.#entries]
  }

  add(entry: Entry): void {
    entry.sweepIndex = this.#entries.length
    this.#entries.push(entry)
    this.#timer ??= this.#clock.after(this.#resolutionMs, this.#sweep)
  }

  delete(entry: Entry): void {
    const index = entry.sweepIndex
    if (index < 0 || this.#entries[index] !== entry) return
    entry.sweepIndex = -1
    const last = this.#entries.pop()
    if (last === undefined || last === entry) return
    this.#entries[index] = last
    last.sweepIndex = index
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#entries.length = 0
  }

  readonly #sweep = (): void => {
    this.#timer = undefined
    const nowMs = this.#clock.monotonicMs()
    // From the end, because the last entry replaces one that leaves.
    for (let index = this.#entries.length - 1; index >= 0; index--) {
      const entry = this.#entries[index]
      if (entry !== undefined && entry.deadlineMs <= nowMs) entry.onDeadline(nowMs)
    }
    if (this.#entries.length > 0) this.#timer ??= this.#clock.after(this.#resolutionMs, this.#sweep)
  }
}
