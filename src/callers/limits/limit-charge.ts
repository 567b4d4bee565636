import type { Charge } from '../../proxy/contract/caller.ts'
import type { LimitPlan } from './limit-plan.ts'

/** The plan of a caller on one thread, which holds its rows. */
export interface HeldPlan {
  readonly plan: LimitPlan
  /** Charges that are not settled. */
  open: number
  /** When a request last had it. */
  usedMs: number
  /** Of the last request, for each limit: shared by the charges of all that have the same. */
  buckets: readonly number[]
}

/** What a request has reserved. */
export class LimitCharge implements Charge {
  isSettled = false
  /** What it has reserved for all replicas. */
  shared: object | undefined = undefined
  readonly path: string
  /** Undefined if the caller has no limits. */
  readonly held: HeldPlan | undefined
  /** The bucket of each limit of the plan that got the amount; -1 if the request does not count for it. */
  readonly buckets: readonly number[]
  /** The first of its entries in the cells of open charges. */
  readonly open: number
  /** Undefined if none was made. */
  readonly promptTokens: number | undefined
  readonly completionTokens: number
  /** In `moneyUnit`s. */
  readonly money: number

  constructor(
    path: string,
    held: HeldPlan | undefined,
    buckets: readonly number[],
    open: number,
    promptTokens: number | undefined,
    completionTokens: number,
    money: number,
  ) {
    this.path = path
    this.held = held
    this.buckets = buckets
    this.open = open
    this.promptTokens = promptTokens
    this.completionTokens = completionTokens
    this.money = money
  }
  /** Undefined if the caller has no limits. */
  get plan(): LimitPlan | undefined {
    return this.held?.plan
  }
}
