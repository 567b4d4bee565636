/** Damps endpoints that come and go: after each further return within the window, one has to stay for longer. */
export interface FlapRules {
  /** Returns within the window that are free. */
  readonly maxReturns: number
  readonly windowMs: number
  /** Hold after the first return beyond; it doubles with each further one. */
  readonly holdMs: number
  readonly maxHoldMs: number
}

export const defaultFlapRules: FlapRules = {
  maxReturns: 3,
  windowMs: 600_000,
  holdMs: 30_000,
  maxHoldMs: 600_000,
}

/**
 * Milliseconds that an endpoint must stay before it is used again.
 * @param returnsMs monotonic times of its returns, the present one last
 */
export function holdOf(returnsMs: readonly number[], rules: FlapRules): number {
  const nowMs = returnsMs.at(-1) ?? 0
  const recent = returnsMs.filter((atMs) => nowMs - atMs < rules.windowMs).length
  const beyond = recent - rules.maxReturns
  return beyond <= 0 ? 0 : Math.min(rules.maxHoldMs, rules.holdMs * 2 ** (beyond - 1))
}
