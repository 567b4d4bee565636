import type { PendingWork } from '../../routing/estimate/estimator.ts'
import type { RequestFeatures } from '../../routing/selection/selector.ts'

/** What the estimates know of one request; absent unless they are used. */
export interface RequestLatency {
  features: RequestFeatures | undefined
  /** The last attempt. */
  work: PendingWork | undefined
  /** Whether the answer reports the estimate. */
  readonly isExplained: boolean
}
