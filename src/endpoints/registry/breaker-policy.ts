/** When a circuit opens and for how long. */
export interface BreakerPolicy {
  readonly enabled: boolean
  /** Consecutive failures that open the circuit. */
  readonly failureThreshold: number
  readonly openMs: number
  /** After this time without a result the trial passes to the next request; milliseconds. */
  readonly trialTimeoutMs: number
  readonly failureStatuses: ReadonlySet<number>
  readonly connectionErrors: boolean
  readonly timeouts: boolean
  /** A later first byte counts as a failure; 0 disables it. */
  readonly slowFirstByteMs: number
}
