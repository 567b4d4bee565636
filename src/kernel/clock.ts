/** A pending one-shot timer. */
export interface Timer {
  cancel(): void
}

/**
 * The only source of time in `src/`. Tests inject a clock that they advance by hand.
 */
export interface Clock {
  /** Wall time in milliseconds since the Unix epoch, for people to read. */
  nowMs(): number
  /** Monotonic time in milliseconds, fractional, equal on all threads, for durations and deadlines. */
  monotonicMs(): number
  /** Calls `run` once after `delayMs`; at once if the delay is zero or negative. */
  after(delayMs: number, run: () => void): Timer
}

/** `performance.now()` starts at zero in each thread; `hrtime` is shared by all threads. */
const threadStartMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()

/** Node fires timers with a longer delay (24.8 days) after one millisecond. */
const maxDelayMs = 2 ** 31 - 1

/** Timers of this clock never keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => threadStartMs + performance.now(),
  after(delayMs, run) {
    const timeout = startTimer(delayMs, run)
    timeout.unref()
    if (Number.isInteger(delayMs)) return { cancel: () => clearTimeout(timeout) }
    return {
      cancel() {
        // Node keeps an empty list of timers per delay, which another timer of that delay uses again, until the delay is
        // over, unless the cancelled timer is referenced. No other timer has a delay that is random or a difference of times.
        timeout.ref()
        clearTimeout(timeout)
      },
    }
  },
}

/** Timers of this clock keep the process alive, so that it does not exit halfway through a shutdown. */
export const persistentClock: Clock = {
  ...systemClock,
  after(delayMs, run) {
    const timeout = startTimer(delayMs, run)
    return { cancel: () => clearTimeout(timeout) }
  },
}

/** A whole delay, as Node looks for the list of a cancelled timer by it. */
function startTimer(delayMs: number, run: () => void): NodeJS.Timeout {
  return setTimeout(run, Math.trunc(Math.min(Math.max(0, delayMs), maxDelayMs)))
}
