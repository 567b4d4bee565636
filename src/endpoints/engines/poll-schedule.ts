/** Configured intervals below are raised to it: an engine must not work for its observers. */
export const minIntervalMs = 1_000
/** Limit of one reading. */
export const readTimeoutMs = 2_000
/** Maximum interval while readings fail. */
const maxBackoffMs = 60_000
/** The random part of an interval; it only lengthens intervals, so that no engine is read more often than allowed. */
const jitter = 0.2
/** Missed intervals after which values are stale. */
const staleIntervals = 3

/** @param random 0 to 1 */
export function nextReadInMs(intervalMs: number, consecutiveFailures: number, random: number): number {
  const interval = Math.max(minIntervalMs, intervalMs)
  const backedOff = Math.min(
    Math.max(maxBackoffMs, interval),
    interval * 2 ** Math.min(consecutiveFailures, 16),
  )
  return backedOff * (1 + jitter * random)
}

/** Age from which values count as unknown. */
export function staleAfterMs(intervalMs: number): number {
  return Math.max(minIntervalMs, intervalMs) * (1 + jitter) * staleIntervals + readTimeoutMs
}
