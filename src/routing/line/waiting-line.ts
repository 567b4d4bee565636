import type { Topic } from '../../runtime/links/peer-link.ts'
import { flowRow, type LaneGroup, LineBoard, type Waiting } from './line-board.ts'
import { classes, laneRowOf } from './line-cells.ts'
import type { LineOptions, LineRefusal, SharedLine } from './line-contract.ts'
import { LineFirsts } from './line-firsts.ts'
import { FlowTags } from './line-flows.ts'
import { LinePace } from './line-pace.ts'
import { aheadOf, type RankedWaiting, rankedOf } from './line-place.ts'
import { compareRanks, excludedLevel, type Rank } from './line-rank.ts'
import { LineReserve } from './line-reserve.ts'
import { LineRoom } from './line-room.ts'
import { firstForModel, isModel, LineSwaps, modelAt } from './line-swaps.ts'
import type { LinePlace, LineReason, LineTicket, LineWaiter } from './line-ticket.ts'

interface Offer {
  readonly slot: number
  /** Model of the request that left the endpoint. */
  readonly left?: string | undefined
  /** Threads that have looked for a better request. */
  readonly asked: readonly number[]
  readonly best?: { readonly thread: number; readonly rank: Rank } | undefined
  /** Look only for a request of this class for this model. */
  readonly batch?: { readonly modelHash: number; readonly priority: number } | undefined
  /**
   * `award`: the thread that gets it has the first request, but may bring another one forward for the sake of its model.
   * `final`: it gives the place to its first request. Otherwise threads look for the first request.
   */
  readonly stage?: 'award' | 'final'
}

const freedPlace: Topic<Offer> = 'line.freed'
/** Slot of an endpoint that paused. */
const pausedEndpoint: Topic<number> = 'line.paused'

/** Requests of a lane that may decline a place one after the other because they expect a better one. */
const maxDeclined = 4
const allLevels = Array.from({ length: classes }, (_, priority) => priority)

/**
 * Requests that wait for a place at an endpoint, over all threads. A freed place goes to the class that comes first
 * (with ageing), in it to the caller that was given least (start-time fair queueing over tokens), and of its requests to
 * the one that came first. The thread that frees a place finds the thread whose request ranks first.
 */
export class WaitingLine {
  #options: LineOptions
  readonly #cells: SharedLine
  readonly #room: LineRoom
  readonly #board: LineBoard
  readonly #firsts: LineFirsts
  readonly #reserve: LineReserve
  readonly #tags: FlowTags
  readonly #pace: LinePace
  readonly #swaps: LineSwaps
  readonly #stops: readonly (() => void)[]

  constructor(options: LineOptions, cells: SharedLine) {
    this.#options = options
    this.#cells = cells
    this.#room = new LineRoom(cells)
    this.#tags = new FlowTags(cells)
    this.#board = new LineBoard(this.#tags)
    this.#firsts = new LineFirsts(cells, this.#board, cells.link)
    this.#reserve = new LineReserve(cells, this.#firsts)
    this.#pace = new LinePace(cells, cells.random)
    this.#swaps = new LineSwaps(cells)
    this.#stops = [
      cells.link.on(freedPlace, (offer) => this.#take(offer)),
      cells.link.on(pausedEndpoint, (slot) => this.#recheck(slot)),
    ]
  }

  /** Those that wait continue. */
  use(options: LineOptions): void {
    this.#options = options
  }

  /** Number of waiting requests over all threads. */
  get waiting(): number {
    return this.#cells.waiting.value(0)
  }

  get hasRoom(): boolean {
    return this.waiting < this.#options.maxWaiting
  }

  /** Milliseconds that a request has waited; 0 if it does not wait. */
  waitedMs(waiter: LineWaiter): number {
    const waiting = this.#board.get(waiter)
    return waiting === undefined ? 0 : this.#cells.clock.monotonicMs() - waiting.sinceMs
  }

  /** Adds a request, or keeps the position of one that waits. @returns undefined unless it may not wait */
  enter(waiter: LineWaiter): LineRefusal | undefined {
    const known = this.#board.get(waiter)
    if (known !== undefined) {
      known.reentered = true
      return undefined
    }
    const ticket = waiter.ticket()
    const reason = this.#room.acquire(ticket, this.#options)
    if (reason !== undefined) {
      return this.refusal(ticket, reason)
    }
    const nowMs = this.#cells.clock.monotonicMs()
    const flow = this.#options.isFair ? ticket.flow : ''
    this.#begin(flow, ticket, nowMs)
    this.#board.add(waiter, ticket, flow, nowMs)
    this.#count('entered')
    this.#firsts.publish(ticket.lane)
    this.#cells.watch?.entered?.(waiter, ticket)
    return undefined
  }

  /** Counts a request that may not wait, or no longer. @returns what to send to its client */
  refusal(ticket: LineTicket, reason: LineReason, atLeastSeconds = 1): LineRefusal {
    const { lane } = ticket
    const row = laneRowOf(lane.key)
    const waiting = this.#cells.laneWaiting.value(row)
    this.#count(reason)
    this.#cells.watch?.refused?.(ticket, reason)
    return {
      reason,
      waiting,
      waitMs: this.#pace.waitMs(row, waiting),
      retryAfterSeconds: this.#pace.retryAfterSeconds(row, waiting, atLeastSeconds),
    }
  }

  /** Where a request stands; undefined if it does not wait. */
  place(waiter: LineWaiter): LinePlace | undefined {
    const waiting = this.#board.get(waiter)
    if (waiting === undefined) return undefined
    const { requests, tokens, sameLane, laneTotal } = aheadOf(this.#board, waiting)
    const elsewhere = Math.max(0, this.#cells.laneWaiting.value(waiting.laneRow) - laneTotal - 1)
    // Of other threads' requests as many are probably before it as of this thread's.
    const others = laneTotal === 0 ? elsewhere : Math.round((elsewhere * sameLane) / laneTotal)
    const each = requests === 0 ? waiting.ticket.tokens : tokens / requests
    return {
      position: requests + others + 1,
      aheadTokens: Math.round(tokens + others * each),
      waitMs: this.#pace.waitMs(waiting.laneRow, sameLane + others + 1),
    }
  }

  /** A request leaves because it has a place at an endpoint. */
  served(waiter: LineWaiter, slot: number): void {
    const waiting = this.#board.get(waiter)
    if (waiting === undefined) return
    const { ticket, row, laneRow, sinceMs } = waiting
    const nowMs = this.#cells.clock.monotonicMs()
    this.#tags.served(row, ticket.tokens, ticket.weight)
    this.#pace.taken(laneRow, sinceMs, nowMs)
    this.#firsts.noteTurn(slot, ticket.priority, nowMs)
    this.#swaps.sent(slot, modelAt(ticket.lane, slot))
    this.#remove(waiting, slot)
  }

  /** A request leaves without a place. */
  leave(waiter: LineWaiter): void {
    const waiting = this.#board.get(waiter)
    if (waiting !== undefined) this.#remove(waiting, undefined)
  }

  /** Call when a place at `slot` became free. @param left model of the request that had it */
  released(slot: number, left?: string): void {
    if (this.waiting > 0) this.#take({ slot, left, asked: [] })
  }

  /** Call when an endpoint pauses: its waiters may not have enough time left. */
  paused(slot: number): void {
    if (this.waiting === 0) return
    this.#cells.link.broadcast(pausedEndpoint, slot)
    this.#recheck(slot)
  }

  /** Call when endpoints appear or disappear: wakes every request of this thread. */
  changed(): void {
    for (const waiting of this.#inOrder()) this.#wake(waiting)
  }

  /** Puts a request of this thread before all others for its endpoints. @returns undefined if none is meant */
  moveUp(isMeant: (ticket: LineTicket) => boolean): LineTicket | undefined {
    const waiting = this.#board.all().find(({ ticket }) => isMeant(ticket))
    if (waiting === undefined) return undefined
    this.#board.moveUp(waiting)
    const { lane } = waiting.ticket
    this.#firsts.publish(lane)
    for (const slot of lane.slots)
      if (this.#reserve.isFree(slot, this.#options)) this.#take({ slot, asked: [] })
    return waiting.ticket
  }

  /** The requests of this thread with their ranks now, which those of other threads compare with. */
  ranked(): RankedWaiting[] {
    return rankedOf(this.#board, this.#pace)
  }

  close(): void {
    for (const stop of this.#stops) stop()
  }

  #begin(flow: string, ticket: LineTicket, nowMs: number): void {
    const { lane, priority } = ticket
    for (const slot of lane.slots) {
      if (this.#firsts.hasClass(slot, priority)) continue
      this.#firsts.noteTurn(slot, priority, nowMs)
      if (!this.#firsts.hasAny(slot)) this.#swaps.forget(slot)
    }
    if (this.#board.isWaiting(flow, ticket)) return
    const lowest = this.#board.lowestTagFor(lane, (slot) => this.#firsts.lowestTag(slot))
    this.#tags.begins(flowRow(flow, lane), lowest)
  }

  #remove(waiting: Waiting, slot: number | undefined): void {
    const { ticket, sinceMs } = waiting
    this.#board.remove(waiting)
    this.#room.release(ticket)
    this.#firsts.publish(ticket.lane)
    this.#count(slot === undefined ? 'left' : 'served')
    this.#cells.watch?.left?.(ticket, this.#cells.clock.monotonicMs() - sinceMs, slot)
  }

  #count(what: LineReason | 'entered' | 'served' | 'left'): void {
    const { counts } = this.#cells
    counts.add(0, counts.column(what), 1)
  }

  #recheck(slot: number): void {
    for (const waiting of this.#inOrder()) if (waiting.waiter.wants(slot)) this.#wake(waiting)
  }

  /** Requests of this thread, roughly in the order in which they would get places. */
  #inOrder(): Waiting[] {
    const rank = ({ flow, orderMs }: Waiting) => ({
      level: flow.priority,
      tag: this.#board.tagOf(flow),
      orderMs,
    })
    return this.#board
      .all()
      .map((waiting) => ({ waiting, rank: rank(waiting) }))
      .sort((a, b) => compareRanks(a.rank, b.rank))
      .map(({ waiting }) => waiting)
  }

  #take(offer: Offer): void {
    const { slot, left, asked, batch, stage } = offer
    if (batch !== undefined) {
      this.#takeForModel(offer, batch)
      return
    }
    const { link } = this.#cells
    const levels = this.#reserve.levels(slot, this.#options)
    const own = this.#first(slot, levels)
    if (stage === undefined && link.threads > 1) {
      const mine = own === undefined ? undefined : { thread: link.thread, rank: own.rank }
      const isBetter = offer.best === undefined || (mine && compareRanks(mine.rank, offer.best.rank) < 0)
      const best = isBetter ? mine : offer.best
      const nowAsked = [...asked, link.thread]
      const next = this.#firsts.best(slot, levels, nowAsked)
      if (next !== undefined && (best === undefined || compareRanks(next.rank, best.rank) < 0)) {
        link.send(next.thread, freedPlace, { slot, left, asked: nowAsked, best })
        return
      }
      if (best !== undefined && best.thread !== link.thread) {
        link.send(best.thread, freedPlace, { slot, left, asked: [], stage: 'award' })
        return
      }
    }
    if (own === undefined) {
      // The request that was to get the place has left meanwhile: another one may wait.
      if (stage !== undefined) this.#take({ slot, left, asked: [] })
      return
    }
    if (stage !== 'final' && this.#bringsForward(slot, left, own, levels)) return
    this.#wakeFor(slot, own.waiting, levels)
  }

  /**
   * Gives the place to a request for the loaded model in place of the first one, which is for another.
   * @returns whether it did, or another thread decides
   */
  #bringsForward(
    slot: number,
    left: string | undefined,
    { waiting, rank }: { readonly waiting: Waiting; readonly rank: Rank },
    levels: readonly number[],
  ): boolean {
    const { clock, mustSwap } = this.#cells
    if (mustSwap === undefined || this.#options.swapBatch === 0) return false
    if (rank.level < 0 || rank.tag === Number.NEGATIVE_INFINITY) return false
    if (clock.monotonicMs() - waiting.sinceMs >= this.#options.swapBatchWaitMs) return false
    const { lane } = waiting.ticket
    const model = modelAt(lane, slot)
    const modelHash = this.#swaps.loaded(slot, left, this.#options)
    if (modelHash === undefined || model === undefined || isModel(lane, slot, modelHash)) return false
    if (left !== undefined && !mustSwap(slot, left, model)) return false
    return this.#takeForModel({ slot, asked: [] }, { modelHash, priority: levels.indexOf(rank.level) })
  }

  /**
   * Gives the place to the first request for a model, of all threads.
   * @returns false if this thread has none, and no other can have one
   */
  #takeForModel({ slot, asked, best, stage }: Offer, batch: NonNullable<Offer['batch']>): boolean {
    const { link } = this.#cells
    const found = firstForModel(this.#board, slot, batch.priority, batch.modelHash)
    const own = found && this.#rankOf(found, batch.priority)
    const isFirst = own !== undefined && (best === undefined || compareRanks(own, best.rank) < 0)
    const nowBest = isFirst ? { thread: link.thread, rank: own } : best
    const nowAsked = [...asked, link.thread]
    const next =
      link.threads === 1 || stage === 'award' ? undefined : this.#firsts.best(slot, allLevels, nowAsked)
    if (next !== undefined) {
      link.send(next.thread, freedPlace, { slot, asked: nowAsked, best: nowBest, batch })
      return true
    }
    if (nowBest !== undefined && nowBest.thread !== link.thread) {
      link.send(nowBest.thread, freedPlace, { slot, asked: [], batch, stage: 'award' })
      return true
    }
    if (found !== undefined) {
      this.#swaps.passed(slot, batch.modelHash)
      this.#wake(found, slot)
      return true
    }
    const [owner] = asked
    if (stage === 'award') this.#take({ slot, asked: [] })
    if (owner === undefined) return stage === 'award'
    // No thread has one: the first request gets the place after all.
    if (owner === link.thread) this.#take({ slot, asked: [], stage: 'final' })
    else link.send(owner, freedPlace, { slot, asked: [], stage: 'final' })
    return true
  }

  #rankOf(waiting: Waiting, level: number): Rank {
    return { level, tag: this.#board.startOf(waiting.flow, waiting), orderMs: waiting.orderMs }
  }

  #first(
    slot: number,
    levels: readonly number[],
    accepts?: (group: LaneGroup) => boolean,
  ): { waiting: Waiting; rank: Rank } | undefined {
    let first: { waiting: Waiting; rank: Rank } | undefined
    for (let priority = 0; priority < classes; priority++) {
      if (levels[priority] === excludedLevel || !this.#board.hasClass(slot, priority)) continue
      const waiting = this.#board.firstOf(slot, priority, accepts)
      if (waiting === undefined) continue
      const rank = this.#rankOf(waiting, levels[priority] ?? priority)
      if (first === undefined || compareRanks(rank, first.rank) < 0) first = { waiting, rank }
    }
    return first
  }

  /** Wakes a request; if it does not use the place, the first of other lanes, or the next if it waits for a better place. */
  #wakeFor(slot: number, first: Waiting, levels: readonly number[]): void {
    const vain: Waiting[] = []
    const perLane = new Map<LaneGroup, number>()
    const accepts = (group: LaneGroup) => (perLane.get(group) ?? 0) < maxDeclined
    for (let next: Waiting | undefined = first; next !== undefined && !this.#wake(next, slot); ) {
      const declined = next.waiter.isPatient === true ? 1 : maxDeclined
      perLane.set(next.group, (perLane.get(next.group) ?? 0) + declined)
      next.isTrying = true
      vain.push(next)
      next = this.#first(slot, levels, accepts)?.waiting
    }
    for (const waiting of vain) waiting.isTrying = false
  }

  /**
   * @param slot an endpoint with a place for it: also one that is reserved for higher classes, if the request was moved up
   *   or its class is overdue
   * @returns whether it no longer waits
   */
  #wake(waiting: Waiting, slot?: number): boolean {
    if (this.#board.get(waiting.waiter) !== waiting) return true
    waiting.isTrying = true
    waiting.reentered = false
    const isOpen = slot === undefined || this.#reserve.admits(slot, waiting.ticket.priority, this.#options)
    waiting.waiter.wake(isOpen ? undefined : slot)
    waiting.isTrying = false
    if (this.#board.get(waiting.waiter) !== waiting) return true
    if (waiting.reentered) return false
    this.#remove(waiting, undefined)
    return true
  }
}
