import type { ClusterReader } from '../../cluster/contract/cluster-cells.ts'
import {
  type LimitAmount,
  type LimitSettlement,
  type LimitVerdict,
  limitRequestTopic,
  limitSettlementTopic,
} from '../../cluster/contract/limits.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { GatewayError } from '../../kernel/errors.ts'
import type { RequestContext } from '../../proxy/contract/context.ts'
import type { PeerLink } from '../../runtime/links/peer-link.ts'
import { toMoneyUnits } from '../prices/price-table.ts'
import type { RequestUse } from './contract.ts'
import { LimitCharge } from './limit-charge.ts'
import { type CallerLimit, limitName } from './limit-plan.ts'
import { limitRefusal, slotRefusal } from './limit-refusal.ts'
import { waitFor } from './refusing-limits.ts'
import type { Moment } from './window.ts'

export interface SharedLimitsServices {
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>
  readonly link: PeerLink
  readonly state: Pick<ClusterReader, 'isJoined' | 'shareOf'>
  /** In use by this replica, by row. */
  readonly slotsInUse: (row: number) => number
}

/** What a request has reserved for all replicas. */
interface SharedReservation {
  readonly amounts: readonly LimitAmount[]
  /** The bucket of each amount; empty if the server did not decide. */
  readonly buckets: readonly number[]
  readonly slots: readonly string[]
}

const dayMs = 86_400_000
/** Longest time for which the server keeps an amount: of a budget without end, from its last use on. */
const maxTtlMs = 400 * dayMs
/** What the control thread may take beyond the time of the server. */
const decisionMs = 1_000

/**
 * Reserves for all replicas what a request has reserved on this one. While the server is away, this replica allows
 * its share, and reports what was used when the server is back.
 */
export class SharedLimits {
  readonly #services: SharedLimitsServices
  readonly #reservations = new WeakMap<LimitCharge, SharedReservation>()

  constructor(services: SharedLimitsServices) {
    this.#services = services
  }

  /**
   * @returns undefined if nothing limits the request
   * @throws GatewayError if the shares of this replica do not allow the request; what is reserved here must be released
   */
  confirm({ charge }: RequestContext): Promise<GatewayError | undefined> | undefined {
    if (!(charge instanceof LimitCharge) || charge.plan === undefined) return undefined
    const { state, link } = this.#services
    const { plan } = charge
    const limits: CallerLimit[] = []
    const amounts: LimitAmount[] = []
    for (const [at, limit] of plan.limits.entries()) {
      const bucket = charge.buckets[at] ?? -1
      if (bucket < 0) continue
      limits.push(limit)
      amounts.push(this.#amountOf(limit, charge))
    }
    const slots = plan.slots.map(({ kind, id, limit }) => ({ key: `${kind}:${id}`, limit }))
    if (!state.isJoined) {
      this.#alone(charge, limits, amounts)
      return undefined
    }
    return link.requestControl(limitRequestTopic, { amounts, slots }, decisionMs).then((verdict) => {
      if (verdict === undefined || verdict.kind === 'away') {
        try {
          this.#alone(charge, limits, amounts)
        } catch (error) {
          return error as GatewayError
        }
        return undefined
      }
      if (verdict.kind === 'reserved') {
        this.#reservations.set(charge, {
          amounts,
          buckets: verdict.buckets,
          slots: slots.map(({ key }) => key),
        })
        return undefined
      }
      return this.#refusal(verdict, charge, limits)
    })
  }

  /** Settles what was reserved by what was used; nothing for a request that was not sent. */
  settle({ charge }: RequestContext, use: RequestUse | undefined): void {
    if (!(charge instanceof LimitCharge)) return
    const reservation = this.#reservations.get(charge)
    if (reservation === undefined) return
    this.#reservations.delete(charge)
    const { amounts, buckets, slots } = reservation
    const isKnown = buckets.length > 0
    const settlement: LimitSettlement = {
      differences: isKnown
        ? amounts.map(({ key, amount }, at) => ({
            key,
            bucket: buckets[at] ?? 0,
            amount: usedOf(key, use) - amount,
          }))
        : [],
      slots,
      late: isKnown ? [] : amounts.map((each) => ({ ...each, amount: usedOf(each.key, use) })),
    }
    this.#services.link.sendToControl(limitSettlementTopic, settlement)
  }

  /** Without the server: each replica has its share of what is counted here. */
  #alone(charge: LimitCharge, limits: readonly CallerLimit[], amounts: readonly LimitAmount[]): void {
    const { state, slotsInUse } = this.#services
    for (const slot of charge.plan?.slots ?? []) {
      if (slotsInUse(slot.row) > state.shareOf(slot.limit)) throw slotRefusal(slot)
    }
    const moment = this.#now()
    for (const [at, limit] of limits.entries()) {
      const share = state.shareOf(limit.limit)
      const { amount = 0, known = 0 } = amounts[at] ?? {}
      if (known + amount > share) {
        const waitMs = waitFor({ ...limit, limit: Math.max(share, amount) }, amount, moment)
        throw limitRefusal([{ limit, waitMs: Math.max(1, waitMs) }])
      }
    }
    this.#reservations.set(charge, { amounts, buckets: [], slots: [] })
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

  #amountOf(limit: CallerLimit, charge: LimitCharge): LimitAmount {
    const { kind, id, row, window } = limit
    const moment = this.#now()
    const bucket = window.bucketAt(moment)
    const amount = reservedOf(limit, charge)
    const isRolling = window.span > 0
    const bucketMs = isRolling ? window.leavesInMs(bucket, moment) - window.leavesInMs(bucket - 1, moment) : 0
    const leftMs = isRolling ? (window.span + 2) * bucketMs : window.leavesInMs(bucket, moment) + dayMs
    return {
      key: `${kind}:${id}:${limitName(limit)}`,
      limit: limit.limit,
      amount,
      known: Math.max(0, row.sum(bucket) - amount),
      bucketMs: Math.round(bucketMs),
      span: window.span,
      bucket,
      ttlMs: Math.ceil(Math.min(maxTtlMs, leftMs)),
    }
  }

  #now(): Moment {
    const { clock } = this.#services
    return { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }
  }
}

function reservedOf({ counted }: CallerLimit, charge: LimitCharge): number {
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

/** @param key of a limit, whose name says what it counts */
function usedOf(key: string, use: RequestUse | undefined): number {
  if (use === undefined) return 0
  const counted = / (?<counted>\w+) \w+ \w+$/.exec(key)?.groups?.counted
  switch (counted) {
    case 'requests':
      return 1
    case 'prompt':
      return use.promptTokens
    case 'completion':
      return use.completionTokens
    case 'total':
      return use.promptTokens + use.completionTokens
    default:
      return use.cost === undefined ? 0 : toMoneyUnits(use.cost)
  }
}
