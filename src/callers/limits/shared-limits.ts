import type { ClusterReader } from '../../cluster/contract/cluster-cells.ts'
import {
  type CountedLimit,
  type LimitAmount,
  type LimitVerdict,
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
import { type CallerLimit, type LimitPlan, limitName } from './limit-plan.ts'
import { limitRefusal, slotRefusal } from './limit-refusal.ts'
import { waitFor } from './refusing-limits.ts'
import type { Moment } from './window.ts'

export interface SharedLimitsServices {
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>
  readonly link: PeerLink
  readonly state: Pick<ClusterReader, 'isJoined' | 'isSettling' | 'shareOf'>
  /** In use by this replica, by row. */
  readonly slotsInUse: (row: number) => number
}

/** What the requests of a caller have in common. */
interface SharedPlan {
  readonly limits: readonly SharedLimit[]
  readonly slots: readonly SlotUse[]
  readonly slotKeys: readonly string[]
}

interface SharedLimit {
  readonly limit: CallerLimit
  /** Of a calendar, replaced when its bucket is over. */
  counted: CountedLimit
}

/** What a request has reserved for all replicas. */
interface SharedReservation {
  readonly limits: readonly SharedLimit[]
  readonly amounts: readonly LimitAmount[]
  /** The bucket of each amount; empty if the server did not decide. */
  readonly buckets: readonly number[]
  readonly slots: readonly string[]
  /** Set if the server may have reserved it nevertheless. */
  readonly ticket?: number | undefined
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
  readonly #reservations = new WeakMap<LimitCharge, SharedReservation>()
  readonly #moment = { wallMs: 0, monotonicMs: 0 }

  constructor(services: SharedLimitsServices) {
    this.#services = services
  }

  /**
   * Call right after the request has reserved on this replica.
   * @returns undefined if there is nothing to wait for
   * @throws GatewayError if the shares of this replica do not allow the request; what is reserved here must be released
   */
  confirm({ charge }: RequestContext): Promise<GatewayError | undefined> | undefined {
    if (!(charge instanceof LimitCharge) || charge.plan === undefined) return undefined
    const { state, link } = this.#services
    const plan = this.#planOf(charge.plan)
    const limits: SharedLimit[] = []
    const amounts: LimitAmount[] = []
    const moment = this.#now()
    for (let at = 0; at < plan.limits.length; at++) {
      const shared = plan.limits[at]
      const bucket = charge.buckets[at] ?? -1
      if (shared === undefined || bucket < 0) continue
      const { limit } = shared
      if (limit.window.span === 0 && shared.counted.bucket !== bucket)
        shared.counted = countedLimit(limit, bucket, moment)
      const amount = amountOf(limit, charge)
      limits.push(shared)
      // The row has just been added to, by this request.
      amounts.push({ of: shared.counted, amount, known: Math.max(0, limit.row.total - amount) })
    }
    if (!state.isJoined) {
      this.#alone(charge, { limits, amounts, slots: plan.slotKeys })
      return undefined
    }
    if (state.isSettling) this.#checkShares(charge, limits, amounts)
    return link
      .requestControl(limitRequestTopic, { amounts, slots: plan.slots }, decisionMs)
      .then((verdict) => this.#decided(verdict, charge, { limits, amounts, slots: plan.slotKeys }))
  }

  /** Settles what was reserved by what was used; nothing for a request that was not sent. */
  settle({ charge }: RequestContext, use: RequestUse | undefined): void {
    if (!(charge instanceof LimitCharge)) return
    const reservation = this.#reservations.get(charge)
    if (reservation === undefined) return
    this.#reservations.delete(charge)
    const { limits, amounts, buckets, slots, ticket } = reservation
    const differences: { key: string; bucket: number; amount: number }[] = []
    const late: LimitAmount[] = []
    for (let at = 0; at < amounts.length; at++) {
      const reserved = amounts[at]
      const limit = limits[at]?.limit
      if (reserved === undefined || limit === undefined) continue
      const amount = usedOf(limit, use)
      const bucket = buckets[at]
      if (bucket === undefined) late.push({ ...reserved, amount })
      else if (amount !== reserved.amount)
        differences.push({ key: reserved.of.key, bucket, amount: amount - reserved.amount })
    }
    if (differences.length + slots.length + late.length === 0 && ticket === undefined) return
    this.#services.link.sendToControl(limitSettlementTopic, { differences, slots, late, ticket })
  }

  #decided(
    verdict: LimitVerdict | undefined,
    charge: LimitCharge,
    asked: Omit<SharedReservation, 'buckets'>,
  ): GatewayError | undefined {
    if (verdict?.kind === 'reserved') {
      this.#reservations.set(charge, { ...asked, buckets: verdict.buckets })
      return undefined
    }
    if (verdict !== undefined && verdict.kind !== 'away') return this.#refusal(verdict, charge, asked.limits)
    const ticket = verdict?.ticket
    try {
      this.#alone(charge, { ...asked, ticket })
      return undefined
    } catch (error) {
      if (ticket !== undefined) {
        const late = asked.amounts.map((amount) => ({ ...amount, amount: 0 }))
        this.#services.link.sendToControl(limitSettlementTopic, {
          differences: none,
          slots: none,
          late,
          ticket,
        })
      }
      if (error instanceof GatewayError) return error
      throw error
    }
  }

  /** Without the server. */
  #alone(charge: LimitCharge, asked: Omit<SharedReservation, 'buckets'>): void {
    this.#checkShares(charge, asked.limits, asked.amounts)
    // The server learns of the slots when it is back.
    if (asked.slots.length > 0) this.#services.link.sendToControl(slotsTakenTopic, asked.slots)
    this.#reservations.set(charge, { ...asked, buckets: none })
  }

  /** Each replica has its share of what is counted here. @throws GatewayError */
  #checkShares(charge: LimitCharge, limits: readonly SharedLimit[], amounts: readonly LimitAmount[]): void {
    const { state, slotsInUse } = this.#services
    for (const slot of charge.plan?.slots ?? none) {
      if (slotsInUse(slot.row) > state.shareOf(slot.limit)) throw slotRefusal(slot)
    }
    const moment = this.#now()
    for (const [at, { limit }] of limits.entries()) {
      const share = state.shareOf(limit.limit)
      const { amount = 0, known = 0 } = amounts[at] ?? {}
      if (known + amount > share) {
        const waitMs = waitFor({ ...limit, limit: Math.max(share, amount) }, amount, moment)
        throw limitRefusal([{ limit, waitMs: Math.max(1, waitMs) }])
      }
    }
  }

  #refusal(
    verdict: Extract<LimitVerdict, { kind: 'amount' | 'slot' }>,
    { plan }: LimitCharge,
    limits: readonly SharedLimit[],
  ): GatewayError | undefined {
    if (verdict.kind === 'slot') {
      const slot = plan?.slots[verdict.at]
      return slot === undefined ? undefined : slotRefusal(slot)
    }
    const limit = limits[verdict.at]?.limit
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
      const moment = this.#now()
      const slots = plan.slots.map(({ kind, id, limit }) => ({ key: `${kind}:${id}`, limit }))
      shared = {
        limits: plan.limits.map((limit) => ({
          limit,
          counted: countedLimit(limit, limit.window.bucketAt(moment), moment),
        })),
        slots,
        slotKeys: slots.map(({ key }) => key),
      }
      this.#plans.set(plan, shared)
    }
    return shared
  }

  /** @returns an object that the next call changes */
  #now(): Moment {
    const { clock } = this.#services
    this.#moment.wallMs = clock.nowMs()
    this.#moment.monotonicMs = clock.monotonicMs()
    return this.#moment
  }
}

function countedLimit(limit: CallerLimit, bucket: number, moment: Moment): CountedLimit {
  const { kind, id, window } = limit
  const isRolling = window.span > 0
  const bucketMs = isRolling
    ? Math.round(window.leavesInMs(bucket, moment) - window.leavesInMs(bucket - 1, moment))
    : 0
  const neededMs = isRolling ? (window.span + 2) * bucketMs : window.leavesInMs(bucket, moment) + dayMs
  return {
    key: `${kind}:${id}:${limitName(limit)}`,
    limit: limit.limit,
    bucketMs,
    span: window.span,
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
