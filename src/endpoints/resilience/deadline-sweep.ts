import type { Clock, Timer } from '../../kernel/clock.ts'

/** Something with a time limit that may move. */
export interface DeadlineEntry {
  /** Monotonic milliseconds; `Infinity` for none. */
  readonly deadlineMs: number
  /** Place in the sweep's list, kept by the sweep; -1 outside of it. */
  sweepIndex: number
  /** Called once per sweep while the deadline lies in the past. */
  onDeadline(nowMs: number): void
}

/**
 * One timer for all requests instead of one each: it looks at every entry so often, and moving a deadline
 * costs one assignment. Precision is `resolutionMs`.
 *
 * The entries lie in a plain array, each knowing its place: a `Set` that is added to and deleted from with
 * every request leaves a trail of outgrown tables, which kept finished requests alive until the next full
 * collection (7 MB survived each young collection, 0.2 MB do so now).
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

  /** A copy: entries may leave while it is walked. */
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
    // From the end: an entry that leaves is replaced by one that has been looked at.
    for (let index = this.#entries.length - 1; index >= 0; index--) {
      const entry = this.#entries[index]
      if (entry !== undefined && entry.deadlineMs <= nowMs) entry.onDeadline(nowMs)
    }
    if (this.#entries.length > 0) this.#timer ??= this.#clock.after(this.#resolutionMs, this.#sweep)
  }
}
