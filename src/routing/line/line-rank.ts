/** Rank of a waiting request for a place at one endpoint; the lowest goes first. */
export interface Rank {
  /** Its class; below 0 for a class that was passed over too long, the more overdue the lower. */
  readonly level: number
  /** What its flow has been given, as virtual time. */
  readonly tag: number
  /** Monotonic milliseconds; the order of equals. */
  readonly orderMs: number
}

/** Level of a class that may not use the place. */
export const excludedLevel = Number.POSITIVE_INFINITY

/** Negative if `a` goes first. */
export function compareRanks(a: Rank, b: Rank): number {
  if (a.level !== b.level) return a.level - b.level
  // Both may be infinite.
  return a.tag === b.tag ? a.orderMs - b.orderMs : a.tag - b.tag
}

/**
 * The level of a class at an endpoint: a class below the highest that waits rises by one class for each `riseMs` in
 * which it was passed over, and comes first when it has reached that one. Then one request of it goes, and it waits
 * again: so it has a floor, and a crowd in it cannot displace the classes above.
 * @param highest the highest class that waits there
 * @param passedOverMs since when no request of the class was taken although one waited; monotonic milliseconds
 * @param riseMs 0: never
 */
export function levelOf(
  priority: number,
  highest: number,
  passedOverMs: number,
  nowMs: number,
  riseMs: number,
): number {
  if (priority <= highest || riseMs === 0 || passedOverMs === 0) return priority
  const overdueMs = nowMs - passedOverMs - riseMs * (priority - highest)
  return overdueMs >= 0 ? -1 - overdueMs : priority
}
