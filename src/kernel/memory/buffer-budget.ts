import { counters, gauge } from '../cells/kinds.ts'
import { type CellsOf, cellLayout } from '../cells/layout.ts'
import type { Clock, Timer } from '../clock.ts'
import { GatewayError } from '../errors.ts'

/** Called once: without an error if the budget has room now, with one if the request is refused. */
export type RoomGranted = (error?: GatewayError) => void

/** A request that holds memory, as the budget sees it. */
export interface Holder {
  /** Increases with each request of a thread. */
  readonly serial: number
  readonly bytes: number
  /** Of the request's priority: 0 low, 1 normal, 2 high. */
  readonly rank: number
}

export const bufferCells = cellLayout('buffers', () => ({
  /** Units of memory that bodies and pending answers take up. */
  buffered: gauge(),
  counts: counters(['refusals']),
}))

export type BufferCells = CellsOf<typeof bufferCells>

export interface BufferBudgetOptions {
  /** Limit in bytes over all threads; 0 means no limit. */
  readonly limitBytes: number
  /** Maximum time that one request waits in total; milliseconds. Default 5,000. */
  readonly patienceMs?: number
  /** Whether the first of two requests is refused first when waiting requests block each other. */
  readonly ranksBelow?: (one: Holder, other: Holder) => boolean
}

/** The budget counts in these units: 2^31 of them exceed the memory of any machine. */
const unitBytes = 1_024
/** A request that holds more must leave part of the budget to smaller requests. */
const largeBytes = 1_048_576
/** Fraction of the budget that large requests may use. */
const largeShare = 7 / 8
/** Maximum waiting requests per thread: each keeps its last chunk outside the budget. */
const maxWaiting = 256
/** Interval to check whether other threads released memory. */
const checkIntervalMs = 100
/** Time without progress after which one waiting request is refused; milliseconds. */
const stuckMs = 1_000

/**
 * Limits the memory of bodies and buffered answers over all threads. At the limit a request waits while its reader
 * pauses, and is refused when it has waited too long. Small requests go first: they may use the whole budget, and when
 * requests block each other, those of the lowest priority are refused first, then large ones, then the newest.
 */
export class BufferBudget {
  readonly limitBytes: number
  readonly #gauge: BufferCells['buffered']
  readonly #clock: Clock
  readonly #patienceMs: number
  readonly #ranksBelow: (one: Holder, other: Holder) => boolean
  readonly #counts: BufferCells['counts']
  readonly #refusals: number
  /** In order of arrival of the requests. */
  readonly #waiters: Waiter[] = []
  #timer: Timer | undefined
  #serial = 0
  /** Time of the last grant or refusal. */
  #movedMs = 0

  /** @param cells shared by all threads */
  constructor(cells: BufferCells, clock: Clock, options: BufferBudgetOptions) {
    this.#gauge = cells.buffered
    this.#counts = cells.counts
    this.#refusals = cells.counts.column('refusals')
    this.#clock = clock
    this.limitBytes = options.limitBytes
    this.#patienceMs = options.patienceMs ?? 5_000
    this.#ranksBelow = options.ranksBelow ?? lowThenLargeThenNewest
  }

  /** Bytes held over all threads. */
  get heldBytes(): number {
    return this.#gauge.value(0) * unitBytes
  }

  /** Refused requests over all threads. */
  get refusals(): number {
    return this.#counts.sum(0, this.#refusals)
  }

  /** Waiting requests of this thread. */
  get waiting(): number {
    return this.#waiters.length
  }

  /** The largest body that can ever fit. */
  maxBodyBytes(limitBytes: number): number {
    return this.limitBytes === 0 ? limitBytes : Math.min(limitBytes, Math.floor(this.limitBytes * largeShare))
  }

  /**
   * Creates the hold of a new request, initially empty.
   * @param rank of its priority; default normal
   */
  open(rank = 1): BufferHold {
    return new BufferHold(this, ++this.#serial, this.#patienceMs, rank)
  }

  /** Stops calling waiting requests. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#waiters.length = 0
  }

  // Used by holds.

  /**
   * @param bytes a multiple of `unitBytes`
   * @returns false if the budget has no room
   */
  take(hold: BufferHold, bytes: number): boolean {
    const share = hold.bytes + bytes > largeBytes ? largeShare : 1
    return this.#gauge.acquire(0, Math.ceil((this.limitBytes / unitBytes) * share), bytes / unitBytes)
  }

  give(bytes: number): void {
    this.#gauge.release(0, bytes / unitBytes)
    if (this.#waiters.length > 0) this.#grant()
  }

  /** @returns false if too many requests wait already */
  wait(hold: BufferHold, bytes: number, granted: RoomGranted): boolean {
    if (this.#waiters.length >= maxWaiting) return false
    const nowMs = this.#clock.monotonicMs()
    if (this.#waiters.length === 0) this.#movedMs = nowMs
    const after = this.#waiters.findIndex((each) => each.hold.serial > hold.serial)
    const waiter = { hold, bytes, granted, sinceMs: nowMs }
    this.#waiters.splice(after < 0 ? this.#waiters.length : after, 0, waiter)
    this.#timer ??= this.#clock.after(checkIntervalMs, this.#check)
    return true
  }

  leave(hold: BufferHold): void {
    const at = this.#waiters.findIndex((each) => each.hold === hold)
    if (at >= 0) this.#waiters.splice(at, 1)
  }

  readonly #check = (): void => {
    this.#timer = undefined
    this.#grant()
    const nowMs = this.#clock.monotonicMs()
    const late = this.#waiters.filter(({ hold, sinceMs }) => nowMs - sinceMs >= hold.patienceMs)
    for (const waiter of late) this.#refuse(waiter, nowMs)
    if (nowMs - this.#movedMs >= stuckMs) this.#refuseLowest(nowMs)
    if (this.#waiters.length > 0) this.#timer ??= this.#clock.after(checkIntervalMs, this.#check)
  }

  /** Grants room in order; small requests may overtake large ones. */
  #grant(): void {
    for (let at = 0; at < this.#waiters.length; ) {
      const waiter = this.#waiters[at]
      if (waiter === undefined || !this.take(waiter.hold, waiter.bytes)) {
        at++
        continue
      }
      this.#end(waiter, this.#clock.monotonicMs())
      waiter.hold.granted(waiter.bytes)
      waiter.granted()
    }
  }

  /** Refuses one waiting request to free what it holds for the others. */
  #refuseLowest(nowMs: number): void {
    const holding = this.#waiters.filter(({ hold }) => hold.bytes > 0)
    if (this.#waiters.length < 2 || holding.length === 0) return
    const lowest = holding.reduce((low, each) => (this.#ranksBelow(each.hold, low.hold) ? each : low))
    this.#refuse(lowest, nowMs)
  }

  #refuse(waiter: Waiter, nowMs: number): void {
    // The refusal of another request may have granted or ended this one.
    if (!this.#waiters.includes(waiter)) return
    this.#end(waiter, nowMs)
    waiter.hold.release()
    waiter.granted(this.refused())
  }

  #end(waiter: Waiter, nowMs: number): void {
    this.#movedMs = nowMs
    this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
    waiter.hold.waited(nowMs - waiter.sinceMs)
  }

  /** Counts a refused request. @returns its error */
  refused(): GatewayError {
    this.#counts.add(0, this.#refusals, 1)
    return new GatewayError('memory_busy', undefined, { retryAfterSeconds: 1 })
  }
}

interface Waiter {
  readonly hold: BufferHold
  readonly bytes: number
  readonly granted: RoomGranted
  readonly sinceMs: number
}

/** One request's share of the budget. */
export class BufferHold implements Holder {
  readonly serial: number
  readonly rank: number
  readonly #budget: BufferBudget
  /** A multiple of the unit. */
  #bytes = 0
  #neededBytes = 0
  #patienceMs: number
  #isOver = false

  constructor(budget: BufferBudget, serial: number, patienceMs: number, rank: number) {
    this.#budget = budget
    this.serial = serial
    this.rank = rank
    this.#patienceMs = patienceMs
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Remaining time to wait; milliseconds. */
  get patienceMs(): number {
    return this.#patienceMs
  }

  /**
   * Takes room for more bytes.
   * @param granted called once after this returned false, never before it returned
   */
  take(bytes: number, granted: RoomGranted): boolean {
    if (this.tryTake(bytes)) return true
    this.#neededBytes += bytes
    if (!this.#budget.wait(this, this.#lackingBytes, granted)) {
      const error = this.#budget.refused()
      this.release()
      queueMicrotask(() => granted(error))
    }
    return false
  }

  /** Takes room without waiting. */
  tryTake(bytes: number): boolean {
    if (this.#isOver) return true
    this.#neededBytes += bytes
    const lacking = this.#lackingBytes
    if (lacking === 0 || this.#budget.take(this, lacking)) {
      this.#bytes += lacking
      return true
    }
    this.#neededBytes -= bytes
    return false
  }

  /** Takes room without waiting. @returns an error if there is none */
  takeNow(bytes: number): GatewayError | undefined {
    return this.tryTake(bytes) ? undefined : this.#budget.refused()
  }

  get #lackingBytes(): number {
    return wholeUnits(this.#neededBytes) - this.#bytes
  }

  /** Releases all but `bytes`. */
  shrink(bytes: number): void {
    this.#neededBytes = Math.min(bytes, this.#neededBytes)
    const left = Math.min(wholeUnits(bytes), this.#bytes)
    const given = this.#bytes - left
    if (given === 0) return
    this.#bytes = left
    this.#budget.give(given)
  }

  /** Releases everything for good. */
  release(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#budget.leave(this)
    this.shrink(0)
  }

  // Used by the budget.

  granted(bytes: number): void {
    this.#bytes += bytes
  }

  waited(ms: number): void {
    this.#patienceMs = Math.max(0, this.#patienceMs - ms)
  }
}

function lowThenLargeThenNewest(one: Holder, other: Holder): boolean {
  if (one.rank !== other.rank) return one.rank < other.rank
  const isLarge = one.bytes > largeBytes
  return isLarge === other.bytes > largeBytes ? one.serial > other.serial : isLarge
}

function wholeUnits(bytes: number): number {
  return Math.ceil(bytes / unitBytes) * unitBytes
}
