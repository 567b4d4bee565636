/**
 * How a rule stands with a model at an endpoint.
 *
 * - `off`: outside the hours of the rule
 * - `unavailable`: the endpoint is down, or cannot do it
 * - `elsewhere`: another replica applies it
 * - `warm`, `idle`: nothing is to be done
 * - `working`: an operation runs
 * - `waiting`: an operation failed, and is repeated later
 */
export const ruleStates = ['off', 'unavailable', 'elsewhere', 'warm', 'idle', 'working', 'waiting'] as const
export type RuleState = (typeof ruleStates)[number]

export interface RuleView {
  readonly rule: 'keep_warm' | 'unload_after'
  /** Place of the rule in its list, from 0. */
  readonly index: number
  readonly model: string
  readonly endpoint: string
  readonly state: RuleState
  /** Safe to show. */
  readonly detail: string
  /** Epoch milliseconds of the next attempt; undefined if none is due. */
  readonly nextAtMs: number | undefined
}
