import type { Clock } from '../../kernel/clock.ts'
import type { Cluster, ClusterPart } from '../cluster.ts'
import { PendingCalls } from '../connection/pending-calls.ts'
import type { LimitAmount, LimitRequest, LimitSettlement, LimitVerdict } from '../contract/limits.ts'
import { limitsScript } from '../scripts/limits.ts'
import { HeldSlots } from './held-slots.ts'
import {
  encodeBatch,
  isDecisive,
  type LimitAnswer,
  type LimitBatch,
  parseReply,
  verdictsOf,
  type WaitingRequest,
} from './limit-batch.ts'
import { SettledAmounts } from './settled-amounts.ts'
import { UnsureRequests } from './unsure-requests.ts'

export interface LimitDeskOptions {
  readonly clock: Clock
  readonly cluster: Pick<Cluster, 'id' | 'keys' | 'callsKey' | 'run' | 'rejoin' | 'state'>
  /** Maximum time that a request waits for its verdict. */
  readonly timeoutMs: number
}

const away: LimitVerdict = { kind: 'away' }
const noPlaces: LimitBatch['places'] = new Map()
/** What is settled waits for the next request, but no longer than this. */
const settleMs = 20
/** Maximum requests, and maximum amounts of other kinds, of one call. */
const maxBatch = 200
const maxAmounts = 1_000
/** Maximum limits and differences that are kept while the server is away; further ones are not added later. */
const maxKept = 10_000
/** Calls without an answer, after which nothing is decided before the server has reported what became of them. */
const maxUnsure = 8

/**
 * Asks the server about limits for all threads of this replica. One call is under way at a time; requests that come
 * meanwhile share the next one, as does what was settled. So the slots that the replica holds are known for certain
 * when a call begins, and are sent as an absolute number. Calls are numbered: a later one asks what became of one whose
 * answer was lost, so that everything counts once.
 */
export class LimitDesk implements ClusterPart {
  readonly #options: LimitDeskOptions
  readonly #waits: PendingCalls
  readonly #slots = new HeldSlots()
  readonly #unsureRequests = new UnsureRequests(
    ({ key, bucket, amount }) => this.#settled.add(key, bucket, amount),
    (amount) => this.#keepLate(amount),
  )
  #waiting: WaitingRequest[] = []
  readonly #settled = new SettledAmounts(maxKept)
  readonly #late = new Map<string, LimitAmount>()
  /** Calls without an answer. */
  #unsure: LimitBatch[] = []
  #number = 0
  #isCalling = false
  #isArmed = false

  constructor(options: LimitDeskOptions) {
    this.#options = options
    this.#waits = new PendingCalls(options.clock, options.timeoutMs)
  }

  decide(request: LimitRequest, thread: number): Promise<LimitVerdict> | LimitVerdict {
    if (this.#options.cluster.state !== 'joined') return away
    return new Promise((resolve) => {
      const end = this.#waits.begin(() => {
        const isSent = waiting.isOver
        waiting.isOver = true
        resolve(isSent ? { kind: 'away', ticket: this.#unsureRequests.add(waiting) } : away)
      })
      const waiting: WaitingRequest = {
        request,
        thread,
        ticket: undefined,
        isOver: false,
        decide(verdict) {
          const isWaiting = end()
          if (isWaiting) resolve(verdict)
          return isWaiting
        },
      }
      this.#waiting.push(waiting)
      // Requests that are read in one turn share a call.
      if (!this.#isCalling && this.#waiting.length === 1) setImmediate(() => this.#call())
    })
  }

  /** A request has taken slots without the server. */
  taken(names: readonly string[], thread: number): void {
    for (const name of names) this.#slots.take(thread, name, true)
  }

  settle({ group, buckets, amounts, holdsSlots, ticket }: LimitSettlement, thread: number): void {
    const { limits, slots } = group
    if (holdsSlots) for (const { key } of slots) this.#slots.giveBack(thread, key)
    if (ticket !== undefined) this.#unsureRequests.used(ticket, amounts)
    else {
      for (let at = 0; at < limits.length; at++) {
        const of = limits[at]
        const amount = amounts[at] ?? 0
        if (of === undefined || amount === 0) continue
        if (buckets === undefined) this.#keepLate({ of, amount })
        else this.#settled.add(of.key, buckets[at] ?? 0, amount)
      }
    }
    this.#callSoon()
  }

  /** A thread has ended: its requests are over. */
  reclaim(thread: number): void {
    this.#slots.reclaim(thread)
    this.#unsureRequests.reclaim(thread)
  }

  joined(): void {
    this.#slots.changeAll()
    this.#call()
  }

  lost(): void {
    for (const waiting of this.#waiting.splice(0)) waiting.decide(away)
  }

  stop(): void {
    this.#waits.stop()
  }

  inexact(): readonly string[] {
    return ['limits and budgets of keys, owners and teams: each replica uses its share']
  }

  #callSoon(): void {
    if (this.#isArmed) return
    this.#isArmed = true
    this.#options.clock.after(settleMs, () => {
      this.#isArmed = false
      this.#call()
    })
  }

  #call(): void {
    const { cluster } = this.#options
    if (this.#isCalling || cluster.state !== 'joined') return
    const batch = this.#nextBatch()
    if (batch === undefined) return
    this.#isCalling = true
    const unsure = this.#unsure
    const { keys, text } = encodeBatch(
      batch,
      unsure.map(({ number }) => number),
      (name) => this.#slots.inUse(name),
    )
    void cluster
      .run({
        script: limitsScript,
        keys: [
          cluster.keys.alive,
          cluster.keys.slots,
          cluster.callsKey,
          ...keys.map((key) => `${cluster.keys.limits}${key}`),
        ],
        args: [cluster.id, text],
      })
      .then((value) => {
        const reply = parseReply(value)
        if (reply.kind === 'lost') cluster.rejoin()
        if (reply.kind !== 'ok') {
          this.#notRun(batch)
          return false
        }
        for (const [at, earlier] of unsure.entries()) {
          const answer = reply.earlier[at]
          if (answer === undefined) this.#notRun(earlier)
          else this.#ran(earlier, answer)
        }
        this.#unsure = []
        this.#ran(batch, reply.answer)
        return true
      })
      .catch(() => {
        this.#unanswered(batch)
        return false
      })
      .then((isAnswered) => {
        this.#isCalling = false
        // Requests that have been read in this turn come along.
        if (isAnswered) setImmediate(() => this.#call())
        else this.#callSoon()
      })
  }

  #nextBatch(): LimitBatch | undefined {
    const isFull = this.#unsure.length >= maxUnsure
    if (isFull) for (const waiting of this.#waiting.splice(0)) waiting.decide(away)
    const requests = this.#waiting.splice(0, maxBatch).filter(({ isOver }) => !isOver)
    const settled = isFull ? [] : this.#settled.take(maxAmounts)
    const late = isFull ? [] : [...this.#late.values()].slice(0, maxAmounts)
    const names = this.#slots.takeChanged()
    if (requests.length + settled.length + late.length + names.size + this.#unsure.length === 0)
      return undefined
    for (const { of } of late) this.#late.delete(of.key)
    for (const waiting of requests) {
      waiting.isOver = true
      for (const { key } of waiting.request.group.slots) names.add(key)
    }
    return { number: ++this.#number, requests, settled, late, names, places: noPlaces }
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
      } else if (waiting.decide(verdict) && verdict.kind === 'reserved') {
        for (const { key } of slots) this.#slots.take(waiting.thread, key, false)
      }
    }
  }

  /** The server has not run the call, and will not. */
  #notRun({ requests, settled, late, names }: LimitBatch): void {
    for (const waiting of requests) {
      if (waiting.ticket === undefined) waiting.decide(away)
      else this.#unsureRequests.decided(waiting.ticket, away)
    }
    for (const { key, bucket, amount } of settled) this.#settled.add(key, bucket, amount)
    for (const amount of late) this.#keepLate(amount)
    this.#slots.change(names)
  }

  #unanswered(batch: LimitBatch): void {
    for (const waiting of batch.requests)
      if (waiting.ticket === undefined)
        waiting.decide({ kind: 'away', ticket: this.#unsureRequests.add(waiting) })
    // Nothing waits for a second call.
    for (const waiting of this.#waiting.splice(0)) waiting.decide(away)
    this.#slots.change(batch.names)
    if (isDecisive(batch)) this.#unsure.push(batch)
  }

  #keepLate(amount: LimitAmount): void {
    if (amount.amount === 0) return
    const { key } = amount.of
    const known = this.#late.get(key)
    if (known === undefined && this.#late.size >= maxKept) return
    this.#late.set(key, { ...amount, amount: amount.amount + (known?.amount ?? 0) })
  }
}
