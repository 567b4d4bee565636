import { defaultDialect } from '../../dialects/all.ts'
import type { Clock } from '../../kernel/clock.ts'
import { GatewayError } from '../../kernel/errors.ts'
import type { Charge } from '../../proxy/contract/caller.ts'
import type { MeteredRequest } from '../../proxy/contract/caller-meter.ts'
import type { RequestContext } from '../../proxy/contract/context.ts'
import type { RequestRecord } from '../../proxy/contract/request-record.ts'
import type { KnownCaller } from '../directory/known-caller.ts'
import { costOf, type PriceTable, toMoneyUnits } from '../prices/price-table.ts'
import type { RequestUse } from './contract.ts'
import type { Estimate, Estimates } from './estimates.ts'
import type { CallerLimitCells } from './limit-cells.ts'
import { RateHeaders } from './limit-headers.ts'
import { type CallerLimit, type Counted, type LimitPlan, LimitWindows, limitPlan } from './limit-plan.ts'
import { limitRefusal, noPriceRefusal, type Refusing, slotRefusal } from './limit-refusal.ts'
import { LimitReports } from './limit-reports.ts'
import type { LimitWarning } from './limit-warning.ts'
import { noCharge } from './open-charges.ts'
import { requestUse } from './request-use.ts'
import type { Moment } from './window.ts'

export interface LimiterServices {
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>
  readonly cells: CallerLimitCells
  readonly estimates: Estimates
  readonly prices: PriceTable
  /** Name of the time zone of calendar budgets. */
  readonly zone: string
  /** A budget warns, or has refused a request. Called at most once for each window, by one thread. */
  readonly onWarning: (warning: LimitWarning) => void
}

/** Amounts of one request, in what limits count. */
type Amounts = Record<Counted, number>

/** What a request has reserved. */
export class LimitCharge implements Charge {
  isSettled = false
  readonly path: string
  readonly promptEstimate: number
  readonly plan: LimitPlan | undefined
  readonly reserved: Readonly<Amounts> | undefined
  /** The bucket of each limit of the plan that got the amount; -1 if the request does not count for it. */
  readonly buckets: readonly number[]
  /** The first of its entries in the cells of open charges. */
  readonly open: number

  constructor(
    path: string,
    promptEstimate: number,
    plan: LimitPlan | undefined,
    reserved: Amounts | undefined,
    buckets: readonly number[],
    open: number,
  ) {
    this.path = path
    this.promptEstimate = promptEstimate
    this.plan = plan
    this.reserved = reserved
    this.buckets = buckets
    this.open = open
  }
}

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
  readonly #plans = new WeakMap<KnownCaller, LimitPlan | null>()
  readonly #headers = new RateHeaders()
  readonly #reports: LimitReports
  readonly #estimate: Estimate = { promptTokens: 0, completionTokens: 0, audioSeconds: 0 }

  constructor(services: LimiterServices) {
    this.#services = services
    this.#windows = new LimitWindows(services.zone)
    this.#reports = new LimitReports(services.cells, services.onWarning)
  }

  /**
   * Reserves the likely use of a request with all limits that apply to its caller, or with none.
   * @throws GatewayError if a limit does not allow it
   */
  reserve(context: RequestContext, caller: KnownCaller, request: MeteredRequest): void {
    const plan = this.#planOf(caller)
    if (plan === undefined) {
      context.charge = new LimitCharge(request.path, -1, undefined, undefined, noBuckets, noCharge)
      return
    }
    if (plan.isIncomplete) throw new GatewayError('out_of_resources')
    const amounts = this.#amounts(plan, request)
    this.#takeSlots(plan)
    try {
      const buckets = this.#take(plan, amounts, context)
      const open = this.#noteOpen(plan, amounts, buckets)
      context.charge = new LimitCharge(request.path, amounts.prompt, plan, amounts, buckets, open)
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
    const { estimates, cells } = this.#services
    const { path, promptEstimate, plan } = charge
    const use = requestUse(
      this.#services,
      context,
      record,
      path,
      promptEstimate < 0 ? undefined : promptEstimate,
    )
    const { promptTokens, completionTokens } = use
    if (record.promptTokens !== undefined && record.outcome === 'success')
      estimates.learn(record.model, record.requestBytes, promptTokens, completionTokens)
    if (plan === undefined) return use
    this.#replace(plan, charge, {
      // A refused request throws, so one that is settled was sent or was to be.
      requests: 1,
      prompt: promptTokens,
      completion: completionTokens,
      total: promptTokens + completionTokens,
      money: use.cost === undefined ? 0 : toMoneyUnits(use.cost),
    })
    releaseSlots(cells, plan, plan.slots.length)
    return use
  }

  /**
   * Refuses a request that uses nothing which limits count, if a limit of its caller is used up. A free model needs no
   * money.
   * @throws GatewayError
   */
  check(context: RequestContext, caller: KnownCaller, model: string | undefined): void {
    const plan = this.#planOf(caller)
    if (plan === undefined) return
    const { prices } = this.#services
    const price = prices.of(model)
    const isFree = price !== undefined && costOf(price, oneToken) === 0
    const moment = this.#now()
    const refusing = refusingLimits(plan.limits, isFree ? oneWithoutMoney : oneOfEach, moment)
    const [first] = refusing
    if (first === undefined) return
    this.#reports.refused(first.limit, moment)
    this.#writeHeaders(plan.limits, moment, context)
    throw limitRefusal(refusing)
  }

  /** Gives back what was reserved for a request that was never begun. */
  release(context: RequestContext): void {
    const { charge } = context
    if (!(charge instanceof LimitCharge) || charge.isSettled) return
    charge.isSettled = true
    if (charge.plan === undefined) return
    this.#replace(charge.plan, charge, noAmounts)
    releaseSlots(this.#services.cells, charge.plan, charge.plan.slots.length)
  }

  /** Notes what is reserved, in case this thread ends. Requests were sent then, so they stay counted. */
  #noteOpen({ limits }: LimitPlan, amounts: Readonly<Amounts>, buckets: readonly number[]): number {
    const { open } = this.#services.cells
    let first = noCharge
    for (let at = 0; at < limits.length; at++) {
      const limit = limits[at]
      const bucket = buckets[at] ?? -1
      if (limit === undefined || bucket < 0 || limit.counted === 'requests') continue
      first = open.add(limit.row.row, bucket, amounts[limit.counted], limit.window.index, first)
    }
    return first
  }

  #replace({ limits }: LimitPlan, charge: LimitCharge, used: Readonly<Amounts>): void {
    const { buckets, reserved, open } = charge
    const { cells } = this.#services
    // Control has taken this thread for ended, and has given all of it back.
    if (!cells.open.has(open)) return
    cells.open.remove(open)
    for (let at = 0; at < limits.length; at++) {
      const limit = limits[at]
      const bucket = buckets[at] ?? -1
      if (limit === undefined || reserved === undefined || bucket < 0) continue
      const difference = used[limit.counted] - reserved[limit.counted]
      if (difference !== 0) limit.row.change(bucket, difference)
    }
  }

  #planOf(caller: KnownCaller): LimitPlan | undefined {
    let plan = this.#plans.get(caller)
    if (plan === undefined) {
      plan = limitPlan(caller, this.#windows, this.#services.cells) ?? null
      // With too few cells, a later request may find one.
      if (plan?.isIncomplete !== true) this.#plans.set(caller, plan)
    }
    return plan ?? undefined
  }

  #amounts({ countsTokens, countsMoney }: LimitPlan, request: MeteredRequest): Amounts {
    if (!countsTokens) return { requests: 1, prompt: 0, completion: 0, total: 0, money: 0 }
    const { estimates, prices } = this.#services
    const estimate = this.#estimate
    estimates.of(request, estimate)
    const { promptTokens: prompt, completionTokens: completion, audioSeconds } = estimate
    const total = prompt + completion
    let money = 0
    if (countsMoney && total > 0) {
      const { model } = request.inspection
      const price = prices.of(model)
      if (price === undefined) throw noPriceRefusal(model)
      money = toMoneyUnits(
        costOf(price, { promptTokens: prompt, cachedTokens: 0, completionTokens: completion, audioSeconds }),
      )
    }
    return { requests: 1, prompt, completion, total, money }
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

  /** @returns the buckets that got the amounts */
  #take(plan: LimitPlan, amounts: Readonly<Amounts>, context: RequestContext): number[] {
    const { limits } = plan
    const moment = this.#now()
    const writeLimit = context.dialect.writeLimit ?? defaultDialect.writeLimit
    const buckets: number[] = []
    let isRefused = false
    for (const limit of limits) {
      const amount = amounts[limit.counted]
      const { row, window } = limit
      if (amount === 0) {
        if (mustHaveLeft(limit, amounts) && waitFor(limit, 1, moment) > 0) {
          isRefused = true
          this.#reports.refused(limit, moment)
          break
        }
        buckets.push(-1)
        continue
      }
      const isTaken = row.add(window.bucketAt(moment), amount, limit.limit)
      if (!isTaken) {
        isRefused = true
        this.#reports.refused(limit, moment)
        break
      }
      buckets.push(row.bucket)
      if (row.total >= limit.warnAt) this.#warn(limit, context, moment)
      this.#note(limit, row.total, row.bucket, moment)
    }
    if (isRefused) {
      for (const [at, bucket] of buckets.entries()) {
        const limit = limits[at]
        if (limit !== undefined && bucket >= 0) limit.row.change(bucket, -amounts[limit.counted])
      }
      this.#headers.clear()
      this.#writeHeaders(limits, moment, context)
      const refusing = refusingLimits(limits, amounts, moment)
      // Another thread may have settled in the meantime: the limit would allow the request now.
      const [first] = limits
      if (refusing.length === 0 && first !== undefined) refusing.push({ limit: first, waitMs: 1 })
      throw limitRefusal(refusing)
    }
    if (writeLimit !== undefined) this.#headers.write(context.headers, writeLimit, moment.wallMs)
    return buckets
  }

  #writeHeaders(limits: readonly CallerLimit[], moment: Moment, { dialect, headers }: RequestContext): void {
    for (const limit of limits) {
      const current = limit.window.bucketAt(moment)
      this.#note(limit, limit.row.sum(current), newestWith(limit, current), moment)
    }
    const writeLimit = dialect.writeLimit ?? defaultDialect.writeLimit
    if (writeLimit !== undefined) this.#headers.write(headers, writeLimit, moment.wallMs)
  }

  /** @param newest the last bucket with an amount; undefined without one */
  #note(
    { counted, limit, window }: CallerLimit,
    total: number,
    newest: number | undefined,
    moment: Moment,
  ): void {
    if (window.isSaved || counted === 'money') return
    this.#headers.note(counted, limit, total, newest === undefined ? 0 : window.leavesInMs(newest, moment))
  }

  #warn(limit: CallerLimit, { headers }: RequestContext, moment: Moment): void {
    const percent = Math.floor((limit.row.total / limit.limit) * 100)
    const [period = ''] = limit.window.name.split(' ')
    headers.push('X-Olla-Budget-Warning', `${limit.kind}; ${limit.counted}; ${period}; ${percent}%`)
    this.#reports.warn(limit, moment)
  }

  #now(): Moment {
    const { clock } = this.#services
    return { wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }
  }
}

const noAmounts: Readonly<Amounts> = { requests: 0, prompt: 0, completion: 0, total: 0, money: 0 }
const oneOfEach: Readonly<Amounts> = { requests: 1, prompt: 1, completion: 1, total: 1, money: 1 }
const oneWithoutMoney: Readonly<Amounts> = { ...oneOfEach, money: 0 }
const oneToken = { promptTokens: 1, cachedTokens: 0, completionTokens: 1, audioSeconds: 1 }

/**
 * Whether a limit of which a request uses nothing must not be used up. A request with tokens of a free model need not
 * have money; one without tokens, such as a file, must have some of everything.
 */
function mustHaveLeft({ counted }: CallerLimit, { total }: Readonly<Amounts>): boolean {
  return counted !== 'requests' && total === 0
}

function releaseSlots({ slots }: CallerLimitCells, plan: LimitPlan, count: number): void {
  for (let at = 0; at < count; at++) {
    const slot = plan.slots[at]
    if (slot !== undefined) slots.release(slot.row)
  }
}

/** Which limits do not allow a request, and for how long if no other request comes. */
function refusingLimits(
  limits: readonly CallerLimit[],
  amounts: Readonly<Amounts>,
  moment: Moment,
): Refusing[] {
  const refusing: Refusing[] = []
  for (const limit of limits) {
    const amount = amounts[limit.counted] || Number(mustHaveLeft(limit, amounts))
    if (amount === 0) continue
    const waitMs = waitFor(limit, amount, moment)
    if (waitMs > 0) refusing.push({ limit, waitMs })
  }
  return refusing
}

function waitFor({ row, window, limit }: CallerLimit, amount: number, moment: Moment): number {
  if (amount > limit) return Number.POSITIVE_INFINITY
  const current = Math.max(window.bucketAt(moment), row.bucket)
  let sum = row.sum(current)
  if (sum + amount <= limit) return 0
  for (let bucket = Math.max(0, current - window.span); bucket <= current; bucket++) {
    sum -= row.read(bucket)
    if (sum + amount <= limit) return window.leavesInMs(bucket, moment)
  }
  return Number.POSITIVE_INFINITY
}

function newestWith({ row, window }: CallerLimit, current: number): number | undefined {
  for (let bucket = current; bucket >= Math.max(0, current - window.span); bucket--)
    if (row.read(bucket) > 0) return bucket
  return undefined
}
