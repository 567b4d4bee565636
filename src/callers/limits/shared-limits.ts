import type { ClusterReader } from '../../cluster/contract/cluster-cells.ts'
import { LentLimits } from '../../cluster/contract/lent-limits.ts'
import {
  type CountedLimit,
  type LimitGroup,
  type LimitRequest,
  type LimitSettlement,
  type LimitVerdict,
  limitRecallTopic,
  limitRequestTopic,
  limitSettlementTopic,
  type SlotUse,
  slotsTakenTopic,
} from '../../cluster/contract/limits.ts'
import type { Clock } from '../../kernel/clock.ts'
import { GatewayError } from '../../kernel/errors.ts'
import type { RequestContext } from '../../proxy/contract/context.ts'
import type { PeerLink } from '../../runtime/links/peer-link.ts'
import { toMoneyUnits } from '../prices/price-table.ts'
import type { RequestUse } from './contract.ts'
import { LimitCharge } from './limit-charge.ts'
import {
  type CallerLimit,
  type LimitPlan,
  limitName,
  sharedLimitName,
  sharedSlotsName,
} from './limit-plan.ts'
import { limitRefusal, slotRefusal } from './limit-refusal.ts'
import { waitFor } from './refusing-limits.ts'
import type { Moment } from './window.ts'

export interface SharedLimitsServices {
  readonly clock: Clock
  readonly link: PeerLink
  readonly state: Pick<ClusterReader, 'isJoined' | 'isSettling' | 'shareOf'>
  /** In use by this replica, by row. */
  readonly slotsInUse: (row: number) => number
}

/** What the requests of a caller have in common. */
interface SharedPlan {
  readonly limits: readonly CallerLimit[]
  /** With the current buckets of calendars; replaced when one is over. */
  group: LimitGroup
  /** The last that was lent for the group. */
  lent: LentLimits | undefined
  /** Requests that had it since the last question to the control thread. */
  decided: number
}

/** What a request has reserved for all replicas. */
class SharedReservation {
  readonly plan: SharedPlan
  readonly limits: readonly CallerLimit[]
  readonly request: LimitRequest
  /** Of each limit; undefined if the server has not decided, as far as is known. */
  buckets: readonly number[] | undefined = undefined
  /** Set if the server may have reserved it nevertheless. */
  ticket: number | undefined = undefined

  constructor(plan: SharedPlan, limits: readonly CallerLimit[], request: LimitRequest) {
    this.plan = plan
    this.limits = limits
    this.request = request
  }
}

const dayMs = 86_400_000
/** Longest time for which the server keeps an amount: of a budget without end, from its last use on. */
const maxTtlMs = 400 * dayMs
/** The control thread answers within `cluster.timeout`, unless it is stuck: what it has decided then must not be lost. */
const decisionMs = 60_000
const none: readonly never[] = []

/**
 * Reserves for all replicas what a request has reserved on this one. While the server is away, this replica allows
 * its share, and reports what was used when the server is back.
 */
export class SharedLimits {
  readonly #services: SharedLimitsServices
  readonly #plans = new WeakMap<LimitPlan, SharedPlan>()
  readonly #moment = { wallMs: 0, monotonicMs: 0 }
  readonly #lent = new Set<LentLimits>()

  constructor(services: SharedLimitsServices) {
    this.#services = services
    services.link.on(limitRecallTopic, (names) => this.#recalled(new Set(names)))
  }

  /**
   * Call right after the request has reserved on this replica.
   * @returns undefined if there is nothing to wait for
   * @throws GatewayError if the shares of this replica do not allow the request; what is reserved here must be released
   */
  confirm({ charge }: RequestContext): Promise<GatewayError | undefined> | undefined {
    if (!(charge instanceof LimitCharge) || charge.plan === undefined) return undefined
    const { state, link, clock } = this.#services
    const plan = this.#planOf(charge.plan)
    const asked = this.#reservationOf(charge, plan)
    if (!state.isJoined) {
      this.#alone(charge, asked)
      return undefined
    }
    if (state.isSettling) this.#checkShares(charge, asked)
    const { lent } = plan
    if (lent !== undefined) {
      if (lent.take(asked.request, clock.monotonicMs())) {
        plan.decided++
        asked.buckets = lent.buckets
        charge.shared = asked
        return undefined
      }
      // The control thread decides with all that this thread does not use.
      this.#end(lent)
      plan.lent = undefined
    }
    plan.decided = 0
    return link
      .requestControl(limitRequestTopic, asked.request, decisionMs)
      .then((verdict) => this.#decided(verdict, charge, asked))
  }

  /** Settles what was reserved by what was used; nothing for a request that was not sent. */
  settle({ charge }: RequestContext, use: RequestUse | undefined): void {
    if (!(charge instanceof LimitCharge)) return
    const reservation = charge.shared
    if (!(reservation instanceof SharedReservation)) return
    charge.shared = undefined
    const { plan, limits, request, buckets, ticket } = reservation
    const { group } = request
    const amounts = new Array<number>(limits.length)
    for (let at = 0; at < limits.length; at++) {
      const limit = limits[at]
      const used = limit === undefined ? 0 : usedOf(limit, use)
      amounts[at] = buckets === undefined ? used : used - (request.amounts[at] ?? 0)
    }
    const isTaken =
      plan.lent?.settle({ group, buckets, amounts }, this.#services.clock.monotonicMs()) === true
    if (isTaken && amounts.every(isNothing)) return
    this.#send({ group, buckets, amounts, slots: isTaken ? 0 : 1, ticket })
  }

  /** Gives back what is left of something that was lent. */
  #end(lent: LentLimits): void {
    if (!this.#lent.delete(lent)) return
    const rest = lent.end()
    if (rest !== undefined) this.#send(rest)
  }

  #recalled(names: ReadonlySet<string>): boolean {
    const isNamed = ({ key }: { readonly key: string }) => names.has(key)
    for (const lent of this.#lent)
      if (lent.group.limits.some(isNamed) || lent.group.slots.some(isNamed)) this.#end(lent)
    return true
  }

  #keep(plan: SharedPlan, lent: LentLimits, untilMs: number): void {
    const { clock } = this.#services
    this.#lent.add(lent)
    // A request that does not count for all limits has a group of its own.
    if (lent.group !== plan.group) {
      this.#end(lent)
      return
    }
    if (plan.lent !== undefined) this.#end(plan.lent)
    plan.lent = lent
    clock.after(Math.max(0, untilMs - clock.monotonicMs()), () => this.#end(lent))
  }

  #send(settlement: LimitSettlement): void {
    this.#services.link.sendToControl(limitSettlementTopic, settlement)
  }

  /** What a request has reserved on this replica. */
  #reservationOf(charge: LimitCharge, plan: SharedPlan): SharedReservation {
    const { limits } = plan
    const { buckets } = charge
    const amounts: number[] = []
    const known: number[] = []
    let isMoved = false
    for (let at = 0; at < limits.length; at++) {
      const limit = limits[at]
      const bucket = buckets[at] ?? -1
      if (limit === undefined || bucket < 0) continue
      if (limit.window.span === 0 && plan.group.limits[at]?.bucket !== bucket) isMoved = true
      const amount = amountOf(limit, charge)
      amounts.push(amount)
      // The row has just been added to, by this request.
      known.push(Math.max(0, limit.row.total - amount))
    }
    if (isMoved) plan.group = this.#groupOf(limits, plan.group.slots, buckets)
    const { group, decided } = plan
    if (amounts.length === limits.length)
      return new SharedReservation(plan, limits, { group, amounts, known, decided })
    const isCounted = (_: unknown, at: number) => (buckets[at] ?? -1) >= 0
    const counted = { limits: group.limits.filter(isCounted), slots: group.slots }
    const request = { group: counted, amounts, known, decided: 0 }
    return new SharedReservation(plan, limits.filter(isCounted), request)
  }

  #decided(
    verdict: LimitVerdict | undefined,
    charge: LimitCharge,
    asked: SharedReservation,
  ): GatewayError | undefined {
    if (verdict?.kind === 'reserved') {
      const { buckets, lent } = verdict
      asked.buckets = buckets
      charge.shared = asked
      if (lent !== undefined)
        this.#keep(asked.plan, new LentLimits(asked.request.group, buckets, lent), lent.untilMs)
      return undefined
    }
    if (verdict !== undefined && verdict.kind !== 'away') return this.#refusal(verdict, charge, asked.limits)
    asked.ticket = verdict?.ticket
    try {
      this.#alone(charge, asked)
      return undefined
    } catch (error) {
      const { ticket, request } = asked
      const amounts = request.amounts.map(() => 0)
      if (ticket !== undefined)
        this.#send({ group: request.group, buckets: undefined, amounts, slots: 0, ticket })
      if (error instanceof GatewayError) return error
      throw error
    }
  }

  /** Without the server. */
  #alone(charge: LimitCharge, asked: SharedReservation): void {
    this.#checkShares(charge, asked)
    // The server learns of the slots when it is back.
    const { slots } = asked.request.group
    if (slots.length > 0)
      this.#services.link.sendToControl(
        slotsTakenTopic,
        slots.map(({ key }) => key),
      )
    charge.shared = asked
  }

  /** Each replica has its share of what is counted here. @throws GatewayError */
  #checkShares(charge: LimitCharge, { limits, request: { amounts, known } }: SharedReservation): void {
    const { state, slotsInUse } = this.#services
    for (const slot of charge.plan?.slots ?? none) {
      if (slotsInUse(slot.row) > state.shareOf(slot.limit)) throw slotRefusal(slot)
    }
    for (let at = 0; at < limits.length; at++) {
      const limit = limits[at]
      if (limit === undefined) continue
      const share = state.shareOf(limit.limit)
      const amount = amounts[at] ?? 0
      if ((known[at] ?? 0) + amount > share) {
        const waitMs = waitFor({ ...limit, limit: Math.max(share, amount) }, amount, this.#now())
        throw limitRefusal([{ limit, waitMs: Math.max(1, waitMs) }])
      }
    }
  }

  #refusal(
    verdict: Extract<LimitVerdict, { kind: 'amount' | 'slot' }>,
    { plan }: LimitCharge,
    limits: readonly CallerLimit[],
  ): GatewayError | undefined {
    if (verdict.kind === 'slot') {
      const slot = plan?.slots[verdict.at]
      return slot === undefined ? undefined : slotRefusal(slot)
    }
    const limit = limits[verdict.at]
    if (limit === undefined) return undefined
    const moment = this.#now()
    const waitMs =
      verdict.waitMs < 0
        ? Number.POSITIVE_INFINITY
        : verdict.waitMs || limit.window.leavesInMs(limit.window.bucketAt(moment), moment)
    return limitRefusal([{ limit, waitMs }])
  }

  #planOf(plan: LimitPlan): SharedPlan {
    let shared = this.#plans.get(plan)
    if (shared === undefined) {
      const { limits } = plan
      const slots = plan.slots.map(({ kind, id, limit }) => ({ key: sharedSlotsName(kind, id), limit }))
      shared = { limits, group: this.#groupOf(limits, slots, none), lent: undefined, decided: 0 }
      this.#plans.set(plan, shared)
    }
    return shared
  }

  /** @param buckets of the limits, as far as they are known */
  #groupOf(
    limits: readonly CallerLimit[],
    slots: readonly SlotUse[],
    buckets: readonly number[],
  ): LimitGroup {
    const moment = this.#now()
    const bucketOf = (limit: CallerLimit, at: number) => {
      const known = buckets[at] ?? -1
      return known < 0 ? limit.window.bucketAt(moment) : known
    }
    return { limits: limits.map((limit, at) => countedLimit(limit, bucketOf(limit, at), moment)), slots }
  }

  /** @returns an object that the next call changes */
  #now(): Moment {
    const { clock } = this.#services
    this.#moment.wallMs = clock.nowMs()
    this.#moment.monotonicMs = clock.monotonicMs()
    return this.#moment
  }
}

function isNothing(amount: number): boolean {
  return amount === 0
}

function countedLimit(limit: CallerLimit, bucket: number, moment: Moment): CountedLimit {
  const { kind, id, window } = limit
  const { span, bucketMs } = window
  const neededMs = bucketMs > 0 ? (span + 2) * bucketMs : window.leavesInMs(bucket, moment) + dayMs
  return {
    key: sharedLimitName(kind, id, limitName(limit)),
    limit: limit.limit,
    bucketMs,
    span,
    bucket,
    ttlMs: Math.ceil(Math.min(maxTtlMs, neededMs)),
  }
}

/** What a request has reserved of a limit. */
function amountOf({ counted }: CallerLimit, charge: LimitCharge): number {
  const { promptTokens = 0, completionTokens, money } = charge
  switch (counted) {
    case 'requests':
      return 1
    case 'prompt':
      return promptTokens
    case 'completion':
      return completionTokens
    case 'total':
      return promptTokens + completionTokens
    case 'money':
      return money
  }
}

function usedOf({ counted }: CallerLimit, use: RequestUse | undefined): number {
  if (use === undefined) return 0
  switch (counted) {
    case 'requests':
      return 1
    case 'prompt':
      return use.promptTokens
    case 'completion':
      return use.completionTokens
    case 'total':
      return use.promptTokens + use.completionTokens
    case 'money':
      return use.cost === undefined ? 0 : toMoneyUnits(use.cost)
  }
}
