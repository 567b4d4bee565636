/** A pending one-shot timer. */
export interface Timer {
  cancel(): void
}

/**
 * The only source of time for `src/`. Tests inject one that they move by hand.
 */
export interface Clock {
  /** Wall time in milliseconds since the Unix epoch: for what people read. */
  nowMs(): number
  /** Monotonic time in milliseconds, fractional, the same on all threads: for durations and deadlines. */
  monotonicMs(): number
  /** Calls `run` once after `delayMs`, soon where that is past. The timer never keeps the process alive. */
  after(delayMs: number, run: () => void): Timer
}

/** `performance.now()` begins with the thread; the clock behind it is the same for all threads. */
const threadStartMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => threadStartMs + performance.now(),
  after(delayMs, run) {
    const timeout = setTimeout(run, Math.max(0, delayMs))
    timeout.unref()
    return { cancel: () => clearTimeout(timeout) }
  },
}
