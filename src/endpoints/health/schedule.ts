export interface ProbeSchedule {
  /** The endpoint's `check_interval`. */
  readonly intervalMs: number
  /** Random fraction of an interval, 0 to 0.5; it only shortens intervals, so that no probe is late. */
  readonly jitter: number
  /** Maximum interval while an endpoint fails; 0: never longer than `intervalMs`. */
  readonly maxBackoffMs: number
}

/** Multiples of the interval while an endpoint keeps failing: early probes first, then fewer and fewer. */
const failingFactors = [1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 12] as const

/**
 * Milliseconds to the next probe.
 *
 * A failing endpoint is probed sooner than a healthy one and by default never later, so the checker notices a recovery
 * within one interval plus one timeout.
 * @param consecutiveFailures 0 after a success
 * @param random 0 to 1
 */
export function nextProbeInMs(schedule: ProbeSchedule, consecutiveFailures: number, random: number): number {
  const { intervalMs, jitter, maxBackoffMs } = schedule
  const maxDelayMs = Math.max(intervalMs, maxBackoffMs)
  const factor =
    consecutiveFailures === 0
      ? 1
      : (failingFactors[Math.min(consecutiveFailures, failingFactors.length) - 1] ?? 1)
  return Math.min(maxDelayMs, intervalMs * factor) * (1 - jitter * random)
}
