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
  /** Calls `run` once after `delayMs`, soon where that is past. */
  after(delayMs: number, run: () => void): Timer
}

/** `performance.now()` begins with the thread; the clock behind it is the same for all threads. */
const threadStartMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()

/** Node runs a timer after a millisecond where its delay is longer than this, 24.8 days. */
const maxDelayMs = 2 ** 31 - 1

/** Its timers never keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => threadStartMs + performance.now(),
  after(delayMs, run) {
    const timeout = startTimer(delayMs, run)
    timeout.unref()
    return { cancel: () => clearTimeout(timeout) }
  },
}

/** Its timers keep the process alive: a stop must not end early because nothing else does. */
export const persistentClock: Clock = {
  ...systemClock,
  after(delayMs, run) {
    const timeout = startTimer(delayMs, run)
    return { cancel: () => clearTimeout(timeout) }
  },
}

function startTimer(delayMs: number, run: () => void): NodeJS.Timeout {
  return setTimeout(run, Math.min(Math.max(0, delayMs), maxDelayMs))
}
