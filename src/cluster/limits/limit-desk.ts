import type { Clock } from '../../kernel/clock.ts'
import type { Cluster, ClusterPart } from '../cluster.ts'
import type { LimitRequest, LimitSettlement, LimitVerdict } from '../contract/limits.ts'
import type { NewsOf } from '../contract/news.ts'
import { limitsScript } from '../scripts/limits.ts'
import { encodeBatch } from './encode-batch.ts'
import { HeldSlots } from './held-slots.ts'
import { KnownAmounts } from './known-amounts.ts'
import { LateAmounts } from './late-amounts.ts'
import {
  type LimitAnswer,
  leasesOf,
  mayAskAgain,
  noteAmounts,
  parseReply,
  verdictsOf,
} from './limit-answer.ts'
import { isDecisive, type LimitBatch, type WaitingRequest } from './limit-batch.ts'
import { LimitLeases } from './limit-leases.ts'
import { LostAmounts } from './lost-amounts.ts'
import { SettledAmounts } from './settled-amounts.ts'
import { UnsureRequests } from './unsure-requests.ts'
import { WaitingRequests } from './waiting-requests.ts'

export interface LimitDeskOptions {
  readonly clock: Clock
  readonly cluster: Pick<
    Cluster,
    'id' | 'keys' | 'callsKey' | 'run' | 'runInBackground' | 'rejoin' | 'state' | 'epoch' | 'publish'
  >
  /** Maximum time that a request waits for its verdict. */
  readonly timeoutMs: number
  /** The server has lost amounts: the others may not have reported yet what they know of them. */
  readonly onLoss: () => void
  /** Serving threads. */
  readonly threads: number
  /** Makes the threads give back what they were lent of limits and slots with these keys. */
  readonly recall: (keys: readonly string[]) => Promise<unknown>
}

const away: LimitVerdict = { kind: 'away' }
const noPlaces: LimitBatch['places'] = new Map()
const none: readonly never[] = []
/** What is settled waits for the next request, but no longer than this. */
const settleMs = 20
/** Maximum requests, and maximum amounts of other kinds, of one call. */
const maxBatch = 200
const maxAmounts = 1_000
/** Maximum limits and differences that are kept while the server is away; further ones are not added later. */
const maxKept = 10_000
/** Maximum limits whose amounts are kept in case the server loses them. */
const maxKnown = 100_000
/** The server forgets the numbers of calls of a replica that has made none for five minutes. */
const idleMs = 60_000
/** Calls without an answer, after which nothing is decided before the server has reported what became of them. */
const maxUnsure = 8
/** A request that may ask again does so after this time, unless leases are given back before. */
const askAgainMs = 3

/**
 * Asks the server about limits for all threads of this replica. One call is under way at a time; requests that come
 * meanwhile share the next one, as does what was settled. So the slots that the replica holds are known for certain
 * when a call begins, and are sent as an absolute number. Calls are numbered: a later one asks what became of one whose
 * answer was lost, so that everything counts once. A group with many requests gets leases, and needs a call now and then.
 */
export class LimitDesk implements ClusterPart {
  readonly #options: LimitDeskOptions
  readonly #slots = new HeldSlots()
  readonly #unsureRequests = new UnsureRequests(
    ({ key, bucket, amount }) => this.#settled.add(key, bucket, amount),
    (amount) => this.#late.add(amount),
  )
  readonly #waiting: WaitingRequests
  readonly #settled = new SettledAmounts(maxKept)
  readonly #late = new LateAmounts(maxKept)
  readonly #leases: LimitLeases
  /** Calls without an answer. */
  #unsure: LimitBatch[] = []
  #number = 0
  /** Number of the last call with an answer. */
  #acked = 0
  #sentAtMs = 0
  readonly #known = new KnownAmounts(maxKnown)
  readonly #lost: LostAmounts
  #isCalling = false
  #isArmed = false
  #isRecalled = false
  /** Ends when the call that is under way has its answer. */
  #call = Promise.resolve()

  constructor(options: LimitDeskOptions) {
    this.#options = options
    const { clock, cluster, timeoutMs, onLoss } = options
    this.#waiting = new WaitingRequests({
      ...{ clock, timeoutMs },
      unsureVerdict: (waiting) => this.#unsureRequests.verdictOn(waiting),
    })
    this.#lost = new LostAmounts({
      cluster,
      known: this.#known,
      acked: () => this.#acked,
      onLoss() {
        onLoss()
        cluster.publish('amounts-lost', {})
      },
      onEnd: () => this.#send(),
    })
    this.#leases = new LimitLeases(clock, cluster.keys.limits, this.#slots, ({ key, bucket, amount }) =>
      this.#settled.add(key, bucket, amount),
    )
  }

  decide(request: LimitRequest, thread: number): Promise<LimitVerdict> | LimitVerdict {
    if (this.#options.cluster.state !== 'joined') return away
    this.#leases.count(request.group, 1 + request.decided)
    const leased = this.#leases.take(request, thread)
    if (leased !== undefined) {
      const lent = this.#leases.lend(request, thread, this.#options.threads)
      return lent === undefined ? leased : { ...leased, lent }
    }
    const verdict = this.#waiting.add(request, thread)
    // Requests that are read in one turn share a call.
    if (!this.#isCalling && this.#waiting.size === 1) setImmediate(() => this.#send())
    return verdict
  }

  /** A request has taken slots without the server. */
  taken(names: readonly string[], thread: number): void {
    for (const name of names) this.#slots.take(thread, name, true)
  }

  settle({ group, buckets, amounts, slots: given, ticket }: LimitSettlement, thread: number): void {
    const { limits, slots } = group
    if (given > 0)
      for (const { key } of slots) this.#slots.giveBack(thread, key, !this.#leases.keepsSlots(key), given)
    if (ticket !== undefined) this.#unsureRequests.used(ticket, amounts)
    else {
      for (let at = 0; at < limits.length; at++) {
        const of = limits[at]
        const amount = amounts[at] ?? 0
        if (of === undefined || amount === 0) continue
        if (buckets === undefined) this.#late.add({ of, amount })
        else {
          const bucket = buckets[at] ?? 0
          this.#settled.add(of.key, bucket, this.#leases.settle(of.key, bucket, amount))
        }
      }
    }
    this.#sendSoon()
  }

  /** Other replicas want leases back, or have given some back. */
  news({ wanted = [], isFree = false }: Pick<NewsOf<'limits'>, 'wanted' | 'isFree'>): void {
    if (wanted.length > 0) void this.#recall(wanted)
    if (isFree) this.#askAgain()
  }

  async #recall(wanted: readonly string[]): Promise<void> {
    await this.#recallLent(wanted.map((name) => this.#leases.keyOf(name)))
    if (!this.#leases.recall(wanted)) return
    this.#isRecalled = true
    this.#send()
  }

  /** Ends once the threads have given back what they were lent of these. */
  async #recallLent(keys: readonly string[]): Promise<void> {
    const lent = this.#leases.takeLent(keys)
    if (lent.length > 0) await this.#options.recall(lent)
  }

  /** A thread has ended: its requests are over. */
  reclaim(thread: number): void {
    this.#slots.reclaim(thread)
    this.#unsureRequests.reclaim(thread)
  }

  joined(): void {
    this.#slots.changeAll()
    this.#lost.compare()
    this.#send()
  }

  /** Another replica has found that the server has lost amounts, or its messages may have been missed. */
  missed(): void {
    this.#lost.compare()
  }

  beat(): void {
    const nowMs = this.#options.clock.monotonicMs()
    if (nowMs - this.#sentAtMs <= idleMs) return
    this.#sentAtMs = nowMs
    this.#lost.compare()
  }

  lost(): void {
    this.#leases.endAll()
    this.#waiting.endAll()
  }

  /** Gives back what is leased. */
  async stop(): Promise<void> {
    await this.#recallLent(this.#leases.lentKeys)
    while (this.#isCalling) await this.#call
    this.#leases.endAll()
    this.#send()
    await this.#call
    this.#waiting.stop()
  }

  inexact(): readonly string[] {
    return ['limits and budgets of keys, owners and teams: each replica uses its share']
  }

  #sendSoon(): void {
    if (this.#isArmed) return
    this.#isArmed = true
    this.#options.clock.after(settleMs, () => {
      this.#isArmed = false
      this.#leases.expire()
      this.#send()
      if (!this.#leases.isEmpty) this.#sendSoon()
    })
  }

  #send(): void {
    const { cluster } = this.#options
    if (this.#isCalling || this.#lost.isRunning || cluster.state !== 'joined') return
    const batch = this.#nextBatch()
    if (batch === undefined) return
    this.#isCalling = true
    const unsure = this.#unsure
    const { keys, text } = encodeBatch(
      batch,
      { epoch: cluster.epoch, acked: this.#acked },
      unsure.map(({ number }) => number),
      (name) => this.#leases.slotsOf(name),
      (group) => this.#leases.wanted(group),
    )
    const sentAtMs = this.#options.clock.monotonicMs()
    this.#sentAtMs = sentAtMs
    this.#call = cluster
      .run({
        script: limitsScript,
        keys: [
          cluster.keys.alive,
          cluster.keys.slots,
          cluster.callsKey,
          cluster.keys.leases,
          ...keys.map((key) => `${cluster.keys.limits}${key}`),
        ],
        args: [cluster.id, cluster.keys.news, text],
      })
      .then((value) => {
        const reply = parseReply(value, unsure.length)
        if (reply.kind === 'lost') cluster.rejoin()
        if (reply.kind === 'behind') {
          this.#waiting.again(batch.requests)
          this.#lost.compare()
        }
        if (reply.kind !== 'ok') {
          this.#notRun(batch)
          return false
        }
        for (const [at, earlier] of unsure.entries()) {
          const answer = reply.earlier[at]
          if (answer === undefined) this.#notRun(earlier)
          else {
            this.#ran(earlier, answer)
            for (const lease of leasesOf(earlier, answer)) this.#leases.tooLate(lease)
          }
        }
        this.#unsure = []
        this.#acked = batch.number
        this.#ran(batch, reply.answer)
        for (const lease of leasesOf(batch, reply.answer)) this.#leases.granted(lease, sentAtMs)
        noteAmounts(this.#known, batch, reply.answer, reply.amounts)
        if (this.#waiting.hasRefused) this.#options.clock.after(askAgainMs, () => this.#askAgain())
        return true
      })
      .catch(() => {
        this.#unanswered(batch)
        return false
      })
      .then((isAnswered) => {
        this.#isCalling = false
        // Requests that have been read in this turn come along.
        if (isAnswered) setImmediate(() => this.#send())
        if (!isAnswered || !this.#leases.isEmpty) this.#sendSoon()
      })
  }

  #nextBatch(): LimitBatch | undefined {
    const isFull = this.#unsure.length >= maxUnsure
    if (isFull) this.#waiting.endAll()
    // A lease that was granted meanwhile may cover a request.
    const requests = this.#waiting.take(maxBatch, ({ request, thread }) => this.#leases.take(request, thread))
    for (const { request } of requests) this.#leases.end(request.group)
    const freed = this.#leases.takeFreed()
    const settled = isFull ? [] : this.#settled.take(maxAmounts)
    const late = isFull ? [] : this.#late.take(maxAmounts)
    const names = this.#slots.takeChanged()
    const others = settled.length + late.length + names.size + freed.length
    if (requests.length + others + this.#unsure.length === 0) return undefined
    const isRecalled = this.#isRecalled
    this.#isRecalled = false
    for (const waiting of requests) {
      for (const { key } of waiting.request.group.slots) names.add(key)
    }
    const number = ++this.#number
    return {
      number,
      requests,
      settled,
      late,
      names,
      freed,
      isRecalled,
      places: noPlaces,
      groups: none,
      limits: none,
    }
  }

  /** Whether the reason for a refusal may be what threads of this replica were lent; they give it back then. */
  #isOurs({ request: { group } }: WaitingRequest, verdict: LimitVerdict): boolean {
    if (verdict.kind === 'reserved' || !this.#leases.hasLent(group)) return false
    const keys = [...group.limits, ...group.slots].map(({ key }) => key)
    void this.#recallLent(keys).then(() => this.#askAgain())
    return true
  }

  #askAgain(): void {
    if (!this.#waiting.hasRefused) return
    this.#waiting.askAgain()
    this.#send()
  }

  #ran(batch: LimitBatch, answer: LimitAnswer): void {
    const verdicts = verdictsOf(batch, answer)
    for (let at = 0; at < batch.requests.length; at++) {
      const waiting = batch.requests[at]
      if (waiting === undefined) continue
      const verdict = verdicts[at] ?? away
      const { slots } = waiting.request.group
      if (waiting.ticket !== undefined) {
        this.#unsureRequests.decided(waiting.ticket, verdict)
        this.#slots.change(slots.map(({ key }) => key))
      } else if (mayAskAgain(answer, at) || this.#isOurs(waiting, verdict)) {
        this.#waiting.refuse(waiting, verdict)
      } else if (waiting.decide(verdict) && verdict.kind === 'reserved') {
        for (const { key } of slots) this.#slots.take(waiting.thread, key, false)
      }
    }
  }

  /** The server has not run the call, and will not. */
  #notRun({ requests, settled, late, names }: LimitBatch): void {
    for (const waiting of requests) {
      if (!waiting.isOver) continue
      if (waiting.ticket === undefined) waiting.decide(waiting.refusal ?? away)
      else this.#unsureRequests.decided(waiting.ticket, away)
    }
    for (const { key, bucket, amount } of settled) this.#settled.add(key, bucket, amount)
    for (const amount of late) this.#late.add(amount)
    this.#slots.change(names)
  }

  #unanswered(batch: LimitBatch): void {
    for (const waiting of batch.requests)
      if (waiting.ticket === undefined) waiting.decide(this.#unsureRequests.verdictOn(waiting))
    // Nothing waits for a second call.
    this.#waiting.endAll()
    this.#slots.change(batch.names)
    if (isDecisive(batch)) this.#unsure.push(batch)
  }
}
