import type { SubjectKind } from '../contract/records.ts'

/** What a request that is over has used. Limits and the ledger count the same. */
export interface RequestUse {
  /** Includes cached tokens. */
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly completionTokens: number
  /** In money; undefined if no price is known. */
  readonly cost: number | undefined
  /** Whether the endpoint did not report it, so that the gateway counted or estimated. */
  readonly isEstimated: boolean
}

/** What a subject has used of one bucket of a window, as it is saved. */
export interface SavedAmount {
  readonly kind: SubjectKind
  /** The ID of a key; the name of an owner or team. */
  readonly id: string
  /** What is counted and for which window, such as `money month calendar`. */
  readonly window: string
  /** Number of the bucket since the epoch. */
  readonly bucket: number
  /** A whole number of tokens, or of `moneyUnit`s. */
  readonly amount: number
}

/** Amounts that outlive the process: those of windows of an hour and longer. */
export interface CallerAmounts {
  /** Those that have changed since the last call. */
  changed(): SavedAmount[]
  /** Adds what was saved. Called once, before the gateway serves. */
  restore(saved: readonly SavedAmount[]): void
  /** Whether an amount no longer counts, so that it can be deleted. */
  isOver(saved: SavedAmount): boolean
}
