/** What a limit of a caller counts. */
export type LimitedUse = 'requests' | 'prompt' | 'completion' | 'total'

/** What is left of a limit. */
export interface LimitLeft {
  readonly limit: number
  readonly remaining: number
  /** Milliseconds until all of it is free again if no more is used. */
  readonly resetInMs: number
}

/**
 * Appends the headers with which an API tells clients what is left of a limit, if it has any.
 * @param headers flat name/value pairs
 * @param nowMs since the epoch
 */
export type WriteLimit = (headers: string[], counted: LimitedUse, left: LimitLeft, nowMs: number) => void
