import type { Clock, Timer } from '../clock.ts'
import { GatewayError } from '../errors.ts'

/** Called once: there is room now, or there will be none. */
export type RoomGranted = (error?: GatewayError) => void

/** What the budget knows of one request that holds memory. */
export interface Holder {
  /** Counts up with the requests of a thread. */
  readonly serial: number
  readonly bytes: number
}

/** Counts that all threads share. */
export interface BufferCells {
  /** Row 0 counts units of memory. */
  readonly buffered: {
    value(row: number): number
    /** @returns whether the row, with these units, is within the limit */
    acquire(row: number, limit: number, units: number): boolean
    release(row: number, units: number): void
  }
  readonly violations: {
    column(name: 'memoryLimits'): number
    sum(row: number, column: number): number
    add(row: number, column: number, count: number): void
  }
}

export interface BufferBudgetOptions {
  /** Bytes over all threads; 0 is no limit. */
  readonly limitBytes: number
  /** Milliseconds that one request waits for room, all its waits together. Default 5,000. */
  readonly patienceMs?: number
  /** Which of two requests is refused first, where those that wait keep each other from going on. */
  readonly ranksBelow?: (one: Holder, other: Holder) => boolean
}

/** Bytes are counted in units of which 2^31 are more than any machine has. */
const unitBytes = 1_024
/** A request that holds more leaves a part of the budget to smaller ones. */
const largeBytes = 1_048_576
/** Of the budget, for large requests. */
const largeShare = 7 / 8
/** Requests of one thread that wait for room: each keeps what its last read has brought beside the budget. */
const maxWaiting = 256
/** How often the budget looks whether other threads have given something back. */
const lookMs = 100
/** Milliseconds without room for any request after which one of those that wait is refused. */
const stuckMs = 1_000

/**
 * The memory that bodies and pending answers take up together, over all threads. At its limit a request waits, and its
 * reader stops reading; one that has waited too long is refused. Small requests go before large ones: they may use all of
 * the budget, and of those that block each other large ones are refused first, then the newest.
 */
export class BufferBudget {
  readonly limitBytes: number
  readonly #gauge: BufferCells['buffered']
  readonly #clock: Clock
  readonly #patienceMs: number
  readonly #ranksBelow: (one: Holder, other: Holder) => boolean
  readonly #counts: BufferCells['violations']
  readonly #refusals: number
  /** In the order in which the requests have begun. */
  readonly #waiters: Waiter[] = []
  #timer: Timer | undefined
  #serial = 0
  /** When a request last got room or was refused. */
  #movedMs = 0

  /** @param cells shared by all threads */
  constructor(cells: BufferCells, clock: Clock, options: BufferBudgetOptions) {
    this.#gauge = cells.buffered
    this.#counts = cells.violations
    this.#refusals = cells.violations.column('memoryLimits')
    this.#clock = clock
    this.limitBytes = options.limitBytes
    this.#patienceMs = options.patienceMs ?? 5_000
    this.#ranksBelow = options.ranksBelow ?? largeThenNewest
  }

  /** Over all threads. */
  get heldBytes(): number {
    return this.#gauge.value(0) * unitBytes
  }

  /** What got no room, on all threads. */
  get refusals(): number {
    return this.#counts.sum(0, this.#refusals)
  }

  /** Requests of this thread that wait for room. */
  get waiting(): number {
    return this.#waiters.length
  }

  /** As much of a body as could ever have room. */
  maxBodyBytes(limitBytes: number): number {
    return this.limitBytes === 0 ? limitBytes : Math.min(limitBytes, Math.floor(this.limitBytes * largeShare))
  }

  /** For one request, which holds nothing yet. */
  open(): BufferHold {
    return new BufferHold(this, ++this.#serial, this.#patienceMs)
  }

  /** Those that wait are not called any more. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#waiters.length = 0
  }

  // For holds.

  /**
   * @param bytes a multiple of `unitBytes`
   * @returns false where the budget has no room
   */
  take(hold: BufferHold, bytes: number): boolean {
    const share = hold.bytes + bytes > largeBytes ? largeShare : 1
    return this.#gauge.acquire(0, Math.ceil((this.limitBytes / unitBytes) * share), bytes / unitBytes)
  }

  give(bytes: number): void {
    this.#gauge.release(0, bytes / unitBytes)
    if (this.#waiters.length > 0) this.#grant()
  }

  /** @returns false where too many wait already */
  wait(hold: BufferHold, bytes: number, granted: RoomGranted): boolean {
    if (this.#waiters.length >= maxWaiting) return false
    const nowMs = this.#clock.monotonicMs()
    if (this.#waiters.length === 0) this.#movedMs = nowMs
    const after = this.#waiters.findIndex((each) => each.hold.serial > hold.serial)
    const waiter = { hold, bytes, granted, sinceMs: nowMs }
    this.#waiters.splice(after < 0 ? this.#waiters.length : after, 0, waiter)
    this.#timer ??= this.#clock.after(lookMs, this.#look)
    return true
  }

  leave(hold: BufferHold): void {
    const at = this.#waiters.findIndex((each) => each.hold === hold)
    if (at >= 0) this.#waiters.splice(at, 1)
  }

  readonly #look = (): void => {
    this.#timer = undefined
    this.#grant()
    const nowMs = this.#clock.monotonicMs()
    const late = this.#waiters.filter(({ hold, sinceMs }) => nowMs - sinceMs >= hold.patienceMs)
    for (const waiter of late) this.#refuse(waiter, nowMs)
    if (nowMs - this.#movedMs >= stuckMs) this.#refuseLowest(nowMs)
    if (this.#waiters.length > 0) this.#timer ??= this.#clock.after(lookMs, this.#look)
  }

  /** Gives room to the first that wait. Small ones need not wait for large ones before them. */
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

  /** What those that wait hold would be free for the others. */
  #refuseLowest(nowMs: number): void {
    const holding = this.#waiters.filter(({ hold }) => hold.bytes > 0)
    if (this.#waiters.length < 2 || holding.length === 0) return
    const lowest = holding.reduce((low, each) => (this.#ranksBelow(each.hold, low.hold) ? each : low))
    this.#refuse(lowest, nowMs)
  }

  #refuse(waiter: Waiter, nowMs: number): void {
    // Refusing one may have given room to it, or ended it.
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

  /** Counts a request that gets no room. @returns its error */
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

/** What one request holds of the budget. */
export class BufferHold implements Holder {
  readonly serial: number
  readonly #budget: BufferBudget
  /** In whole units. */
  #bytes = 0
  #neededBytes = 0
  #patienceMs: number
  #isOver = false

  constructor(budget: BufferBudget, serial: number, patienceMs: number) {
    this.#budget = budget
    this.serial = serial
    this.#patienceMs = patienceMs
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Milliseconds that it may still wait. */
  get patienceMs(): number {
    return this.#patienceMs
  }

  /**
   * Takes room for so many bytes more.
   * @param granted called where this returns false: once, and never before it has returned
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

  /** The same at once or not at all. */
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

  /** @returns why not */
  takeNow(bytes: number): GatewayError | undefined {
    return this.tryTake(bytes) ? undefined : this.#budget.refused()
  }

  get #lackingBytes(): number {
    return wholeUnits(this.#neededBytes) - this.#bytes
  }

  /** So many bytes are enough. */
  shrink(bytes: number): void {
    this.#neededBytes = Math.min(bytes, this.#neededBytes)
    const left = Math.min(wholeUnits(bytes), this.#bytes)
    const given = this.#bytes - left
    if (given === 0) return
    this.#bytes = left
    this.#budget.give(given)
  }

  /** Nothing is held any more, and nothing will be. */
  release(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#budget.leave(this)
    this.shrink(0)
  }

  // For the budget.

  granted(bytes: number): void {
    this.#bytes += bytes
  }

  waited(ms: number): void {
    this.#patienceMs = Math.max(0, this.#patienceMs - ms)
  }
}

function largeThenNewest(one: Holder, other: Holder): boolean {
  const isLarge = one.bytes > largeBytes
  return isLarge === other.bytes > largeBytes ? one.serial > other.serial : isLarge
}

function wholeUnits(bytes: number): number {
  return Math.ceil(bytes / unitBytes) * unitBytes
}
