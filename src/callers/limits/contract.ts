import type { SubjectKind } from '../contract/records.ts'

/** What a request that is over has used. Limits and the ledger count the same. */
export interface RequestUse {
  /** Includes cached tokens. */
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly completionTokens: number
  /** Of audio that was transcribed. */
  readonly audioSeconds: number
  /** In money; undefined if no price is known. */
  readonly cost: number | undefined
  /** Whether the endpoint did not report it, so that the gateway counted or estimated. */
  readonly isEstimated: boolean
}

/** What a subject has used of one bucket of a window: all of it, or a part that is to be added. */
export interface SavedAmount {
  readonly kind: SubjectKind
  /** The ID of a key; the name of an owner or team. */
  readonly id: string
  /** What is counted and for which window, such as `budget money month calendar`. */
  readonly window: string
  /** Number of the bucket since the epoch. */
  readonly bucket: number
  /** A whole number of tokens, or of `moneyUnit`s. */
  readonly amount: number
}

/**
 * Amounts that outlive the process and that several gateways may share: those of windows of an hour and longer. The
 * store holds the sum of what all of them have used; what requests in progress have reserved is not part of it.
 */
export interface CallerAmounts {
  /** What this process has used since the last call. The store must add it exactly once. */
  changes(): SavedAmount[]
  /**
   * Takes over amounts as the store has them. Must not be called while the store may or may not have the last changes.
   */
  merge(stored: readonly SavedAmount[]): void
  /** Whether an amount no longer counts, so that it can be deleted. */
  isOver(saved: SavedAmount): boolean
  /** Gives back what requests had reserved on a thread that has ended. */
  reclaim(thread: number): void
}
