/** When a circuit opens and for how long. */
export interface BreakerPolicy {
  readonly enabled: boolean
  /** Consecutive failures that open the circuit. */
  readonly failureThreshold: number
  readonly openMs: number
  /** A trial that has not reported back after this many milliseconds is given to the next request. */
  readonly trialTimeoutMs: number
  readonly failureStatuses: ReadonlySet<number>
  readonly connectionErrors: boolean
  readonly timeouts: boolean
  /** A first byte later than this counts as a failure; 0 is off. */
  readonly slowFirstByteMs: number
}
