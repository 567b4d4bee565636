import { defaultDialect } from '../../dialects/all.ts'
import type { WriteLimit } from '../../dialects/contract/limit-headers.ts'
import type { Clock } from '../../kernel/clock.ts'
import { GatewayError } from '../../kernel/errors.ts'
import type { MeteredRequest } from '../../proxy/contract/caller-meter.ts'
import type { RequestContext } from '../../proxy/contract/context.ts'
import type { RequestRecord } from '../../proxy/contract/request-record.ts'
import type { KnownCaller } from '../directory/known-caller.ts'
import { costOf, type PriceTable, toMoneyUnits } from '../prices/price-table.ts'
import type { RequestUse } from './contract.ts'
import type { Estimate, Estimates } from './estimates.ts'
import type { CallerLimitCells } from './limit-cells.ts'
import { type HeldPlan, LimitCharge } from './limit-charge.ts'
import { RateHeaders } from './limit-headers.ts'
import { type CallerLimit, countedKinds, type LimitPlan, LimitWindows, limitPlan } from './limit-plan.ts'
import { limitRefusal, noPriceRefusal, slotRefusal } from './limit-refusal.ts'
import { LimitReports } from './limit-reports.ts'
import { LimitRows } from './limit-row.ts'
import type { LimitWarning } from './limit-warning.ts'
import { noCharge } from './open-charges.ts'
import { mustHaveLeft, newestWith, refusingLimits, waitFor } from './refusing-limits.ts'
import { requestUse } from './request-use.ts'
import { type Moment, windowNames } from './window.ts'

export interface LimiterServices {
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>
  readonly cells: CallerLimitCells
  readonly estimates: Estimates
  readonly prices: PriceTable
  /** Name of the time zone of calendar budgets. */
  readonly zone: string
  /** Whether another part reads what each limit has from its row, after a request has reserved. */
  readonly keepsTotals?: boolean
  /** A limit warns, or has refused a request. Called at most once for each window, by one thread. */
  readonly onWarning: (warning: LimitWarning) => void
}

/** A caller without requests for as long gives its rows back. */
const idleMs = 120_000

const [promptAt, completionAt, totalAt, moneyAt] = [1, 2, 3, 4] as const
const noBuckets: readonly number[] = []
const nothingUsed: RequestUse = {
  promptTokens: 0,
  cachedTokens: 0,
  completionTokens: 0,
  audioSeconds: 0,
  cost: 0,
  isEstimated: false,
}

/** Enforces the limits of keys, owners and teams on one thread; the amounts are those of all threads. */
export class CallerLimiter {
  readonly #services: LimiterServices
  readonly #windows: LimitWindows
  readonly #rows: LimitRows
  readonly #plans = new Map<KnownCaller, HeldPlan>()
  readonly #unlimited = new WeakSet<KnownCaller>()
  readonly #headers = new RateHeaders()
  readonly #reports: LimitReports
  readonly #estimate: Estimate = { promptTokens: 0, completionTokens: 0, audioSeconds: 0 }
  /** Of the current request, in the order of `countedKinds`: objects for each request would be garbage. */
  readonly #amounts = new Float64Array(countedKinds.length)
  readonly #used = new Float64Array(countedKinds.length)
  /** The buckets of now, in the order of the plan's windows. */
  readonly #current = new Int32Array(windowNames.length)
  /** Of each limit of the plan: the bucket that has got the amount, and what its window then holds. */
  #buckets = new Int32Array(16)
  #totals = new Float64Array(16)
  readonly #moment = { wallMs: 0, monotonicMs: 0 }

  constructor(services: LimiterServices) {
    this.#services = services
    this.#windows = new LimitWindows(services.zone)
    this.#rows = new LimitRows(services.cells, this.#windows)
    this.#reports = new LimitReports(services.cells, services.onWarning)
  }

  /**
   * Reserves the likely use of a request with all limits that apply to its caller, or with none.
   * @throws GatewayError if a limit does not allow it
   */
  reserve(context: RequestContext, caller: KnownCaller, request: MeteredRequest): void {
    const held = this.#planOf(caller)
    if (held === undefined) {
      context.charge = new LimitCharge(request.path, undefined, noBuckets, noCharge, undefined, 0, 0)
      return
    }
    const { plan } = held
    if (plan.isIncomplete) throw new GatewayError('out_of_resources')
    this.#estimateAmounts(plan, request)
    this.#takeSlots(plan)
    try {
      this.#take(plan, context)
      const { open } = this.#services.cells
      const amounts = this.#amounts
      const noted = open.addAll(plan.cells, plan.notedAs, this.#buckets, amounts)
      const counted = plan.countsTokens ? amounts[promptAt] : undefined
      context.charge = new LimitCharge(
        request.path,
        held,
        this.#keptBuckets(held),
        noted,
        counted,
        amounts[completionAt] ?? 0,
        amounts[moneyAt] ?? 0,
      )
      held.open++
      held.usedMs = this.#moment.monotonicMs
    } catch (error) {
      releaseSlots(this.#services.cells, plan, plan.slots.length)
      throw error
    }
  }

  /** Replaces what was reserved by what was used. @returns what was used */
  settle(context: RequestContext, record: RequestRecord): RequestUse {
    const { charge } = context
    if (!(charge instanceof LimitCharge) || charge.isSettled) return nothingUsed
    charge.isSettled = true
    const { estimates } = this.#services
    const { path, held } = charge
    const use = requestUse(this.#services, context, record, path, charge.promptTokens)
    const { promptTokens, completionTokens, cost } = use
    if (record.promptTokens !== undefined && record.outcome === 'success')
      estimates.learn(record.model, record.requestBytes, promptTokens, completionTokens)
    if (held === undefined) return use
    // A refused request throws, so one that is settled was sent or was to be.
    fill(this.#used, 1, promptTokens, completionTokens, cost === undefined ? 0 : toMoneyUnits(cost))
    this.#replace(held, charge)
    return use
  }

  /**
   * Refuses a request that uses nothing which limits count, if a limit of its caller is used up. A free model needs no
   * money.
   * @throws GatewayError
   */
  check(context: RequestContext, caller: KnownCaller, model: string | undefined): void {
    const plan = this.#planOf(caller)?.plan
    if (plan === undefined) return
    const { prices } = this.#services
    const price = prices.of(model)
    const isFree = price !== undefined && costOf(price, oneToken) === 0
    const moment = this.#now()
    const refusing = refusingLimits(plan.limits, isFree ? oneWithoutMoney : oneOfEach, moment)
    const [first] = refusing
    if (first === undefined) return
    this.#reports.refused(first.limit, moment)
    this.#writeHeaders(plan.limits, context)
    throw limitRefusal(refusing)
  }

  /** Gives back what was reserved for a request that was never begun. */
  release(context: RequestContext): void {
    const { charge } = context
    if (!(charge instanceof LimitCharge) || charge.isSettled) return
    charge.isSettled = true
    if (charge.held === undefined) return
    fill(this.#used, 0, 0, 0, 0)
    this.#replace(charge.held, charge)
  }

  /** Replaces what a charge has reserved by `#used`, and releases its slots. */
  #replace(held: HeldPlan, charge: LimitCharge): void {
    const { plan } = held
    held.open--
    releaseSlots(this.#services.cells, plan, plan.slots.length)
    const { buckets, open: first, promptTokens = 0, completionTokens, money } = charge
    const { open } = this.#services.cells
    // Control has taken this thread for ended, and has given all of it back.
    if (!open.has(first)) return
    open.remove(first)
    const reserved = this.#amounts
    fill(reserved, 1, promptTokens, completionTokens, money)
    const { amounts, unsaved } = this.#services.cells
    amounts.changeAll(plan.cells, buckets, reserved, this.#used)
    const { saved, cells } = plan
    for (let at = 0; at < saved.length; at++) {
      const place = saved[at] ?? 0
      if ((buckets[place] ?? -1) >= 0) unsaved.mark(cells.rows[place] ?? 0)
    }
  }

  /** Gives back the rows of callers without requests. Call it now and then. */
  giveBackRows(): void {
    const { monotonicMs } = this.#now()
    for (const [caller, held] of this.#plans) {
      if (held.open > 0 || monotonicMs - held.usedMs < idleMs) continue
      this.#plans.delete(caller)
      this.#giveBack(held.plan)
    }
  }

  #planOf(caller: KnownCaller): HeldPlan | undefined {
    const known = this.#plans.get(caller)
    if (known !== undefined || this.#unlimited.has(caller)) return known
    const moment = this.#now()
    const plan = limitPlan(caller, this.#windows, this.#services.cells, this.#rows, moment)
    if (plan === undefined) {
      this.#unlimited.add(caller)
      return undefined
    }
    const held = { plan, open: 0, usedMs: moment.monotonicMs, buckets: noBuckets }
    // With too few cells, a later request may find one.
    if (plan.isIncomplete) this.#giveBack(plan)
    else this.#plans.set(caller, held)
    return held
  }

  #giveBack({ held }: LimitPlan): void {
    for (const row of held) this.#rows.giveBack(row)
  }

  /** Fills `#amounts` with what a request is likely to use. */
  #estimateAmounts({ countsTokens, countsMoney }: LimitPlan, request: MeteredRequest): void {
    const amounts = this.#amounts
    if (!countsTokens) {
      fill(amounts, 1, 0, 0, 0)
      return
    }
    const { estimates, prices } = this.#services
    const estimate = this.#estimate
    estimates.of(request, estimate)
    const { promptTokens, completionTokens, audioSeconds } = estimate
    let money = 0
    if (countsMoney && promptTokens + completionTokens > 0) {
      const { model } = request.inspection
      const price = prices.of(model)
      if (price === undefined) throw noPriceRefusal(model)
      money = toMoneyUnits(costOf(price, { promptTokens, cachedTokens: 0, completionTokens, audioSeconds }))
    }
    fill(amounts, 1, promptTokens, completionTokens, money)
  }

  #takeSlots(plan: LimitPlan): void {
    const { cells } = this.#services
    const { slots } = plan
    for (let at = 0; at < slots.length; at++) {
      const slot = slots[at]
      if (slot === undefined || cells.slots.acquire(slot.row, slot.limit)) continue
      releaseSlots(cells, plan, at)
      this.#reports.refusedSlot(slot, this.#now())
      throw slotRefusal(slot)
    }
  }

  /** Adds `#amounts` to all limits of a plan, or to none; `#buckets` and `#totals` say what they then have. */
  #take(plan: LimitPlan, context: RequestContext): void {
    const { limits, windows, shown, warning } = plan
    const moment = this.#now()
    const current = this.#current
    for (let at = 0; at < windows.length; at++) current[at] = windows[at]?.bucketAt(moment) ?? 0
    if (limits.length > this.#buckets.length) {
      this.#buckets = new Int32Array(limits.length)
      this.#totals = new Float64Array(limits.length)
    }
    const buckets = this.#buckets
    const totals = this.#totals
    // A request without tokens must find some of what it does not count.
    if (plan.countsTokens && this.#amounts[totalAt] === 0) this.#expectLeft(plan, context)
    const full = this.#services.cells.amounts.addAll(plan.cells, current, this.#amounts, buckets, totals)
    if (full >= 0) this.#refuse(plan, full, context)
    if (this.#services.keepsTotals) {
      for (let at = 0; at < limits.length; at++) limits[at]?.row.note(buckets[at] ?? 0, totals[at] ?? 0)
    }
    for (let each = 0; each < warning.length; each++) {
      const at = warning[each] ?? 0
      const limit = limits[at]
      if (limit === undefined || (buckets[at] ?? -1) < 0 || (totals[at] ?? 0) < limit.warnAt) continue
      limit.row.note(buckets[at] ?? 0, totals[at] ?? 0)
      this.#warn(limit, context, moment)
    }
    const headers = this.#headers
    for (let each = 0; each < shown.length; each++) {
      const at = shown[each] ?? 0
      const limit = limits[at]
      if (limit === undefined || (buckets[at] ?? -1) < 0) continue
      headers.note(limit.shownAt, limit, totals[at] ?? 0, buckets[at])
    }
    headers.write(context.headers, writeLimitOf(context), moment)
  }

  /** @throws GatewayError if a limit of which the request uses nothing is used up */
  #expectLeft(plan: LimitPlan, context: RequestContext): void {
    const amounts = this.#amounts
    for (const [at, limit] of plan.limits.entries()) {
      if ((amounts[limit.countedAt] ?? 0) > 0 || !mustHaveLeft(limit, amounts)) continue
      if (waitFor(limit, 1, this.#moment) > 0) {
        this.#buckets.fill(-1)
        this.#refuse(plan, at, context)
      }
    }
  }

  /** `#buckets` for a charge: nearly always those of the request before. */
  #keptBuckets(held: HeldPlan): readonly number[] {
    const buckets = this.#buckets
    const { length } = held.plan.limits
    const before = held.buckets
    for (let at = 0; at < length; at++) {
      if (before[at] === buckets[at]) continue
      held.buckets = Array.from(buckets.subarray(0, length))
      break
    }
    return held.buckets
  }

  /**
   * @param full place of the limit that has no room; those before it get their amounts back
   * @throws GatewayError
   */
  #refuse({ limits }: LimitPlan, full: number, context: RequestContext): never {
    const amounts = this.#amounts
    const buckets = this.#buckets
    const moment = this.#moment
    for (let at = 0; at < full; at++) {
      const limit = limits[at]
      const bucket = buckets[at] ?? -1
      if (limit === undefined || bucket < 0) continue
      limit.row.note(bucket, this.#totals[at] ?? 0)
      limit.row.change(bucket, -(amounts[limit.countedAt] ?? 0))
    }
    const refused = limits[full]
    if (refused === undefined) throw limitRefusal([])
    const bucket = buckets[full] ?? -1
    if (bucket >= 0) refused.row.note(bucket, this.#totals[full] ?? 0)
    this.#reports.refused(refused, moment)
    this.#headers.clear()
    this.#writeHeaders(limits, context)
    const refusing = refusingLimits(limits, amounts, moment)
    // Another thread may have settled in the meantime: the limit would allow the request now.
    if (refusing.length === 0) refusing.push({ limit: refused, waitMs: 1 })
    throw limitRefusal(refusing)
  }

  #writeHeaders(limits: readonly CallerLimit[], context: RequestContext): void {
    const headers = this.#headers
    const moment = this.#moment
    for (const limit of limits) {
      if (limit.shownAt < 0) continue
      const current = limit.window.bucketAt(moment)
      headers.note(limit.shownAt, limit, limit.row.sum(current), newestWith(limit, current))
    }
    headers.write(context.headers, writeLimitOf(context), moment)
  }

  #warn(limit: CallerLimit, { headers }: RequestContext, moment: Moment): void {
    const percent = Math.floor((limit.row.total / limit.limit) * 100)
    const [period = ''] = limit.window.name.split(' ')
    const name = limit.isBudget ? 'X-Olla-Budget-Warning' : 'X-Olla-Limit-Warning'
    headers.push(name, `${limit.kind}; ${limit.counted}; ${period}; ${percent}%`)
    this.#reports.warn(limit, moment)
  }

  /** @returns an object that the next call changes */
  #now(): Moment {
    const { clock } = this.#services
    const moment = this.#moment
    moment.wallMs = clock.nowMs()
    moment.monotonicMs = clock.monotonicMs()
    return moment
  }
}

const oneOfEach: readonly number[] = [1, 1, 1, 1, 1]
const oneWithoutMoney: readonly number[] = [1, 1, 1, 1, 0]
const oneToken = { promptTokens: 1, cachedTokens: 0, completionTokens: 1, audioSeconds: 1 }

/** Fills amounts in the order of `countedKinds`. */
function fill(
  amounts: Float64Array,
  requests: number,
  prompt: number,
  completion: number,
  money: number,
): void {
  amounts[0] = requests
  amounts[1] = prompt
  amounts[2] = completion
  amounts[3] = prompt + completion
  amounts[4] = money
}

function writeLimitOf({ dialect }: RequestContext): WriteLimit | undefined {
  return dialect.writeLimit ?? defaultDialect.writeLimit
}

function releaseSlots({ slots }: CallerLimitCells, plan: LimitPlan, count: number): void {
  for (let at = 0; at < count; at++) {
    const slot = plan.slots[at]
    if (slot !== undefined) slots.release(slot.row)
  }
}
