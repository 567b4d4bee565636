import type { CountedLimit, LimitAmount, LimitGroup, LimitRequest, LimitVerdict } from '../contract/limits.ts'

/** A difference between what a request has reserved and used. */
export interface Difference {
  readonly key: string
  readonly bucket: number
  readonly amount: number
}

/** A request that waits for the verdict of the server. */
export interface WaitingRequest {
  readonly request: LimitRequest
  readonly thread: number
  /** Reports the verdict. @returns false if the request does not wait any more */
  readonly decide: (verdict: LimitVerdict) => boolean
  /** Set once it has been sent and does not wait any more. */
  ticket: number | undefined
  /** It has been sent, or does not wait any more. */
  isOver: boolean
  /** The verdict on it, unless other replicas give leases back. */
  refusal: LimitVerdict | undefined
}

/** What one call contains. */
export interface LimitBatch {
  readonly number: number
  readonly requests: readonly WaitingRequest[]
  readonly settled: readonly Difference[]
  readonly late: readonly LimitAmount[]
  /** Names of the slots whose numbers it contains. */
  readonly names: ReadonlySet<string>
  /** Names of limits and slots of which this replica holds no lease any more. */
  readonly freed: readonly string[]
  /** Whether another replica has asked for leases. */
  readonly isRecalled: boolean
  /** The limits of each group of its requests, among those that the call contains; known once it is encoded. */
  places: ReadonlyMap<LimitGroup, readonly number[]>
  /** The groups and the limits as the call contains them. */
  groups: readonly LimitGroup[]
  limits: readonly CountedLimit[]
}

/** @returns whether the server's answer to the call decides about anything that must not be lost */
export function isDecisive({ requests, settled, late }: LimitBatch): boolean {
  return requests.length + settled.length + late.length > 0
}

/** What the server has leased for the requests of a group. */
export interface GrantedLease {
  readonly group: LimitGroup
  /** Milliseconds since the call was sent, for which it may be used. */
  readonly ms: number
  /** Buckets and amounts of the limits of the group. */
  readonly buckets: readonly number[]
  readonly amounts: readonly number[]
  /** Slots that this replica holds then, of the slots of the group. */
  readonly slots: readonly number[]
}
