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
  /** Monotonic time in milliseconds, fractional: for durations and deadlines. */
  monotonicMs(): number
  /** Calls `run` once after `delayMs`. The timer never keeps the process alive. */
  after(delayMs: number, run: () => void): Timer
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const timeout = setTimeout(run, delayMs)
    timeout.unref()
    return { cancel: () => clearTimeout(timeout) }
  },
}
