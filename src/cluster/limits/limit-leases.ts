import type { Clock } from '../../kernel/clock.ts'
import type { LentAmounts, LimitGroup, LimitRequest, LimitVerdict } from '../contract/limits.ts'
import type { HeldSlots } from './held-slots.ts'
import { LeaseDemand } from './lease-demand.ts'
import type { Difference, GrantedLease } from './limit-batch.ts'

/** An amount that the server has counted ahead for this replica. */
interface AmountLease {
  readonly bucket: number
  readonly limit: number
  left: number
  /** Monotonic milliseconds; 0 if it was given back. */
  untilMs: number
}

/** Slots that the server counts as held by this replica. */
interface SlotLease {
  readonly limit: number
  readonly total: number
  untilMs: number
}

/**
 * What the server has counted ahead for the requests of the next moment: they need no call. What is not used is given
 * back when the lease ends, before the next call about the same limits, and when another replica wants it.
 */
export class LimitLeases {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #prefix: string
  readonly #held: HeldSlots
  readonly #giveBack: (difference: Difference) => void
  readonly #amounts = new Map<string, AmountLease>()
  readonly #slots = new Map<string, SlotLease>()
  readonly #demand = new LeaseDemand()
  /** Until when threads may have something of limits and slots, by name. */
  readonly #lent = new Map<string, number>()
  /** Keys of limits and names of slots that the server may take for leased. */
  #freed = new Set<string>()

  /** @param prefix of the server's keys of limits */
  constructor(
    clock: Pick<Clock, 'monotonicMs'>,
    prefix: string,
    held: HeldSlots,
    giveBack: (difference: Difference) => void,
  ) {
    this.#clock = clock
    this.#prefix = prefix
    this.#held = held
    this.#giveBack = giveBack
  }

  get isEmpty(): boolean {
    return this.#amounts.size + this.#slots.size === 0
  }

  /** @returns the verdict on a request that the leases cover */
  take({ group, amounts }: LimitRequest, thread: number): Reserved | undefined {
    if (this.isEmpty) return undefined
    const nowMs = this.#clock.monotonicMs()
    const { limits, slots } = group
    const buckets = new Array<number>(limits.length)
    for (let at = 0; at < limits.length; at++) {
      const of = limits[at]
      if (of === undefined) return undefined
      const lease = this.#amounts.get(of.key)
      if (lease === undefined || lease.untilMs <= nowMs || lease.limit !== of.limit) return undefined
      if (of.bucketMs === 0 && lease.bucket !== of.bucket) return undefined
      if ((amounts[at] ?? 0) > lease.left) return undefined
      buckets[at] = lease.bucket
    }
    for (let at = 0; at < slots.length; at++) {
      const of = slots[at]
      if (of === undefined) return undefined
      const lease = this.#slots.get(of.key)
      if (lease === undefined || lease.untilMs <= nowMs || lease.limit !== of.limit) return undefined
      if (this.#held.inUse(of.key) >= lease.total) return undefined
    }
    for (let at = 0; at < limits.length; at++) {
      const lease = this.#amounts.get(limits[at]?.key ?? '')
      if (lease !== undefined) lease.left -= amounts[at] ?? 0
    }
    for (let at = 0; at < slots.length; at++) this.#held.take(thread, slots[at]?.key ?? '', false)
    return { kind: 'reserved', buckets }
  }

  /**
   * Lends a thread its part of what is left of the leases of a group.
   * @param threads that share it
   * @returns undefined if there is too little
   */
  lend({ group, amounts }: LimitRequest, thread: number, threads: number): LentAmounts | undefined {
    let untilMs = Number.POSITIVE_INFINITY
    const parts: number[] = []
    for (let at = 0; at < group.limits.length; at++) {
      const lease = this.#amounts.get(group.limits[at]?.key ?? '')
      const part = Math.floor((lease?.left ?? 0) / threads)
      if (lease === undefined || part < minLent * (amounts[at] ?? 0)) return undefined
      parts.push(part)
      untilMs = Math.min(untilMs, lease.untilMs)
    }
    let slots = Number.POSITIVE_INFINITY
    for (const { key } of group.slots) {
      const lease = this.#slots.get(key)
      if (lease === undefined) return undefined
      slots = Math.min(slots, Math.floor((lease.total - this.#held.inUse(key)) / threads))
      untilMs = Math.min(untilMs, lease.untilMs)
    }
    if (slots < 1) return undefined
    if (group.slots.length === 0) slots = 0
    for (let at = 0; at < group.limits.length; at++) {
      const key = group.limits[at]?.key ?? ''
      const lease = this.#amounts.get(key)
      if (lease !== undefined) lease.left -= parts[at] ?? 0
      this.#lent.set(key, untilMs)
    }
    for (const { key } of group.slots) {
      this.#held.take(thread, key, false, slots)
      this.#lent.set(key, untilMs)
    }
    return { amounts: parts, slots, untilMs }
  }

  /** Limits and slots of which threads may have something. */
  get lentKeys(): readonly string[] {
    return [...this.#lent.keys()]
  }

  /** Whether threads may have something of a group that they were lent. */
  hasLent({ limits, slots }: LimitGroup): boolean {
    const isLent = ({ key }: { readonly key: string }) => this.#lent.has(key)
    return this.#lent.size > 0 && (limits.some(isLent) || slots.some(isLent))
  }

  /** @returns those of these names of which threads may have something; they are about to give it back */
  takeLent(names: readonly string[]): readonly string[] {
    return names.filter((name) => this.#lent.delete(name))
  }

  /** Counts requests, for the size of the next lease. */
  count(group: LimitGroup, count: number): void {
    this.#demand.count(group, count, this.#clock.monotonicMs())
  }

  /** @returns the number of requests for which the group wants a lease; 0 for none */
  wanted(group: LimitGroup): number {
    return this.#demand.of(group, this.#clock.monotonicMs())
  }

  /**
   * Takes a difference between what a request has reserved and used.
   * @returns what the server must learn of it
   */
  settle(key: string, bucket: number, amount: number): number {
    const lease = this.#amounts.get(key)
    if (lease === undefined || lease.bucket !== bucket || lease.untilMs <= this.#clock.monotonicMs())
      return amount
    lease.left -= amount
    if (lease.left >= 0) return 0
    const rest = -lease.left
    lease.left = 0
    return rest
  }

  /** Whether slots that become free stay with this replica. */
  keepsSlots(name: string): boolean {
    const lease = this.#slots.get(name)
    return lease !== undefined && lease.untilMs > this.#clock.monotonicMs()
  }

  /** Slots that the server is to count as held. */
  slotsOf(name: string): number {
    const inUse = this.#held.inUse(name)
    return this.keepsSlots(name) ? Math.max(inUse, this.#slots.get(name)?.total ?? 0) : inUse
  }

  /** @param sentAtMs when the call was sent */
  granted({ group, ms, buckets, amounts, slots }: GrantedLease, sentAtMs: number): void {
    const untilMs = sentAtMs + ms
    for (const [at, { key, limit }] of group.limits.entries()) {
      const bucket = buckets[at] ?? 0
      const before = this.#amounts.get(key)
      if (before !== undefined) this.#giveRest(key, before)
      this.#amounts.set(key, { bucket, limit, left: amounts[at] ?? 0, untilMs })
      this.#freed.delete(this.#prefix + key)
    }
    for (const [at, { key, limit }] of group.slots.entries()) {
      const total = slots[at] ?? 0
      this.#slots.set(key, { limit, total, untilMs })
      this.#freed.delete(key)
      if (this.#held.inUse(key) <= total) this.#held.reported(key)
    }
  }

  /** Gives back what the server has leased by a call whose answer is late. */
  tooLate({ group, buckets, amounts }: GrantedLease): void {
    for (const [at, { key }] of group.limits.entries())
      this.#giveBack({ key, bucket: buckets[at] ?? 0, amount: -(amounts[at] ?? 0) })
  }

  /** Ends the leases of a group: the server is about to decide about requests of it. */
  end({ limits, slots }: LimitGroup): void {
    if (this.isEmpty) return
    for (const { key } of limits) this.#endAmounts(key)
    for (const { key } of slots) this.#endSlots(key)
  }

  /**
   * Other replicas want what is left of these.
   * @param names keys of limits and names of slots
   * @returns whether the server is to learn that any lease has ended
   */
  recall(names: readonly string[]): boolean {
    for (const name of names) {
      const key = this.keyOf(name)
      const isAmount = key !== name
      this.#demand.quiet(key, this.#clock.monotonicMs())
      if (isAmount) this.#endAmounts(key)
      else this.#endSlots(key)
    }
    return this.#freed.size > 0
  }

  /** @param name key of a limit on the server, or name of a slot */
  keyOf(name: string): string {
    return name.startsWith(this.#prefix) ? name.slice(this.#prefix.length) : name
  }

  /** Ends the leases whose time is over; call it now and then. */
  expire(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [key, lease] of this.#amounts) {
      if (lease.untilMs + returnMs <= nowMs) this.#endAmounts(key)
    }
    for (const [name, lease] of this.#slots) {
      if (lease.untilMs + returnMs <= nowMs) this.#endSlots(name)
    }
    for (const [name, untilMs] of this.#lent) if (untilMs + forgetMs <= nowMs) this.#lent.delete(name)
    this.#demand.forget(nowMs)
  }

  /** Ends all leases. */
  endAll(): void {
    for (const key of this.#amounts.keys()) this.#endAmounts(key)
    for (const name of this.#slots.keys()) this.#endSlots(name)
  }

  /** @returns names of what has ended since the last call: the server is to learn of it */
  takeFreed(): readonly string[] {
    if (this.#freed.size === 0) return none
    const names = [...this.#freed]
    this.#freed = new Set()
    return names
  }

  #endAmounts(key: string): void {
    const lease = this.#amounts.get(key)
    if (lease === undefined) return
    this.#giveRest(key, lease)
    this.#amounts.delete(key)
    this.#freed.add(this.#prefix + key)
  }

  #endSlots(name: string): void {
    if (!this.#slots.delete(name)) return
    this.#held.change([name])
    this.#freed.add(name)
  }

  #giveRest(key: string, lease: AmountLease): void {
    if (lease.left > 0) this.#giveBack({ key, bucket: lease.bucket, amount: -lease.left })
    lease.left = 0
  }
}

const none: readonly never[] = []
/** Fewer requests are not worth a part of their own. */
const minLent = 2
/** Threads give back what they were lent a moment after the end of a lease: it goes to the server in one call with the rest. */
const returnMs = 10
const forgetMs = 1_000

type Reserved = Extract<LimitVerdict, { kind: 'reserved' }>
