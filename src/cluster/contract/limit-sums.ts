import type { CountedLimit } from './limits.ts'

/** Limits and slots of which the use by all replicas is asked. */
export interface SummedLimits {
  readonly limits: readonly Pick<CountedLimit, 'key' | 'bucketMs' | 'span' | 'bucket'>[]
  /** Names of slots. */
  readonly slots: readonly string[]
}

/** What all replicas have used of them, in the same order. */
export interface LimitSums {
  readonly limits: readonly number[]
  readonly slots: readonly number[]
}
