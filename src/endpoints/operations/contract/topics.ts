import type { Topic } from '../../../runtime/links/peer-link.ts'
import type { OperationOrder, OperationView, StartedOperations } from './operation.ts'
import type { RuleView } from './rule-views.ts'

/** Starts operations, on the control thread. */
export const startTopic: Topic<OperationOrder, StartedOperations> = 'operations.start'

/** Operations under way and the last that ended, newest first, and the state of the rules. */
export interface OperationsStatus {
  readonly operations: readonly OperationView[]
  readonly rules: readonly RuleView[]
}
export const operationsTopic: Topic<undefined, OperationsStatus> = 'operations.list'

/** Some operations by ID, once all of them have ended or the time is over. */
export const awaitTopic: Topic<
  { readonly ids: readonly string[]; readonly waitMs: number },
  readonly OperationView[]
> = 'operations.await'

/** Cancels an operation; answered with undefined for an unknown one. */
export const cancelTopic: Topic<{ readonly id: string; readonly by: string }, OperationView | undefined> =
  'operations.cancel'

/** Requests at a model of an endpoint, both by name; all models if undefined. Answered by each serving thread. */
export const inFlightTopic: Topic<{ readonly endpoint: string; readonly model: string | undefined }, number> =
  'operations.in-flight'

/** When a thread's requests last used a model: monotonic milliseconds. */
export interface ModelUse {
  readonly endpoint: string
  readonly model: string
  readonly usedAtMs: number
}
export const modelUsesTopic: Topic<undefined, readonly ModelUse[]> = 'operations.uses'
