import type { Topic } from '../../runtime/links/peer-link.ts'

/** A limit as the server counts it; one object for all requests. */
export interface CountedLimit {
  /** Unique for subject, what is counted, and window. */
  readonly key: string
  readonly limit: number
  /** Length of a bucket of a rolling window, which the server's time decides; 0 for a calendar. */
  readonly bucketMs: number
  /** Earlier buckets that count with the current one. */
  readonly span: number
  /** The current bucket of a calendar. */
  readonly bucket: number
  /** Milliseconds for which an amount may be needed. */
  readonly ttlMs: number
}

/** An amount of a limit that the server has not got. */
export interface LimitAmount {
  readonly of: CountedLimit
  readonly amount: number
}

/** A limit of requests at a time. */
export interface SlotUse {
  readonly key: string
  readonly limit: number
}

/** What the requests of a caller reserve of; one object for many requests of a thread. */
export interface LimitGroup {
  readonly limits: readonly CountedLimit[]
  readonly slots: readonly SlotUse[]
}

/** What one request reserves: all of it, or nothing. */
export interface LimitRequest {
  readonly group: LimitGroup
  /** For each limit of the group. */
  readonly amounts: readonly number[]
  /** What this replica knows to be used of each without this request, in case the server has lost it. */
  readonly known: readonly number[]
  /** Requests of the group that this thread has decided about since its last one. */
  readonly decided: number
}

/** What the control thread lends a serving thread, for the next requests of a group. */
export interface LentAmounts {
  /** Of each limit of the group, in the buckets of the verdict. */
  readonly amounts: readonly number[]
  /** Of each of the slots of the group. */
  readonly slots: number
  /** Monotonic milliseconds. */
  readonly untilMs: number
}

export type LimitVerdict =
  | {
      readonly kind: 'reserved'
      /** The buckets that got the amounts. */
      readonly buckets: readonly number[]
      readonly lent?: LentAmounts
    }
  /** @property waitMs -1 if the request is never allowed, 0 for a calendar */
  | { readonly kind: 'amount'; readonly at: number; readonly total: number; readonly waitMs: number }
  | { readonly kind: 'slot'; readonly at: number }
  /**
   * The server did not decide in time.
   * @property ticket present if it may decide later: what the request has used must be settled with it
   */
  | { readonly kind: 'away'; readonly ticket?: number }

/** What a request that is over has used, or what is left of something that was lent. */
export interface LimitSettlement {
  readonly group: LimitGroup
  /** Of each limit, as the verdict has them; undefined if the server has not decided, as far as is known. */
  readonly buckets: readonly number[] | undefined
  /** Of each limit: the difference to what was reserved, or all that was used if the server has not decided. */
  readonly amounts: readonly number[]
  /** How often this gives back each of the slots of the group. */
  readonly slots: number
  /** Of a request whose verdict is not known. */
  readonly ticket?: number | undefined
}

/** Slots that a request has taken without the server. */
export const slotsTakenTopic: Topic<readonly string[]> = 'cluster.limits.slots'
export const limitRequestTopic: Topic<LimitRequest, LimitVerdict> = 'cluster.limits.reserve'
export const limitSettlementTopic: Topic<LimitSettlement> = 'cluster.limits.settle'
/** Serving threads give back what they were lent of limits and slots with these names, before they answer. */
export const limitRecallTopic: Topic<readonly string[], boolean> = 'cluster.limits.recall'
