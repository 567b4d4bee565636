/** An endpoint with `max_concurrent`. */
export interface LimitedEndpoint {
  readonly slot: number
  readonly name: string
  readonly maxConcurrent: number
}

/** The places of an endpoint that this replica holds. */
export interface Lease {
  endpoint: LimitedEndpoint
  /** The endpoint was removed, or has no limit any more: what requests still use goes back as they end. */
  isLeaving: boolean
  /** What requests may use. */
  allowed: number
  /** What the server counts for this replica. */
  held: number
  /** Others want some of it. */
  isContended: boolean
  /** Requests wait for more. */
  isWanted: boolean
  isDirty: boolean
  /** Monotonic milliseconds before which asking again would not help. */
  quietUntilMs: number
  /** What was last applied. */
  shown: number
  /** The others are to know that this replica lacks places. */
  asks: boolean
  /** Monotonic milliseconds of the last call. */
  calledAtMs: number
  /** What the server knows to be needed. */
  sentNeed: number
  /** Share among the members before an outage: at first a server without its data knows only this replica. */
  settlingShare: number
}

export function newLease(endpoint: LimitedEndpoint): Lease {
  return {
    endpoint,
    isLeaving: false,
    allowed: 0,
    held: 0,
    isContended: false,
    isWanted: false,
    isDirty: true,
    quietUntilMs: 0,
    shown: -1,
    sentNeed: 0,
    settlingShare: 1,
    asks: false,
    calledAtMs: 0,
  }
}
