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

/** An amount to reserve of a limit. */
export interface LimitAmount {
  readonly of: CountedLimit
  readonly amount: number
  /** What this replica knows to be used without this amount, in case the server has lost it. */
  readonly known: number
}

/** A limit of requests at a time. */
export interface SlotUse {
  readonly key: string
  readonly limit: number
}

/** What one request reserves: all of it, or nothing. */
export interface LimitRequest {
  readonly amounts: readonly LimitAmount[]
  readonly slots: readonly SlotUse[]
}

export type LimitVerdict =
  | {
      readonly kind: 'reserved'
      /** The buckets that got the amounts. */
      readonly buckets: readonly number[]
    }
  /** @property waitMs -1 if the request is never allowed, 0 for a calendar */
  | { readonly kind: 'amount'; readonly at: number; readonly total: number; readonly waitMs: number }
  | { readonly kind: 'slot'; readonly at: number }
  /**
   * The server did not decide in time.
   * @property ticket present if it may decide later: what the request has used must be settled with it
   */
  | { readonly kind: 'away'; readonly ticket?: number }

/** What a request that is over has used: differences to what it reserved. */
export interface LimitSettlement {
  readonly differences: readonly { readonly key: string; readonly bucket: number; readonly amount: number }[]
  readonly slots: readonly string[]
  /** Amounts that the server could not be asked for, to add later; all of the request's if it has a ticket. */
  readonly late: readonly LimitAmount[]
  readonly ticket?: number | undefined
}

/** Slots that a request has taken without the server. */
export const slotsTakenTopic: Topic<readonly string[]> = 'cluster.limits.slots'
export const limitRequestTopic: Topic<LimitRequest, LimitVerdict> = 'cluster.limits.reserve'
export const limitSettlementTopic: Topic<LimitSettlement> = 'cluster.limits.settle'
