import type { Clock } from '../../kernel/clock.ts'
import type { Gauge } from '../../runtime/cells/gauge.ts'
import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'

/** A request that waits for a place on one of its endpoints. */
export interface CapacityWaiter {
  /** Whether a place on this endpoint would do. */
  wants(slot: number): boolean
  /** Tries again: enters anew at once, and keeps its place in the line, where there is still no place for it. */
  wake(): void
}

/** What the waiting lines of all threads share. */
export interface SharedLine {
  /** One row: how many wait. */
  readonly waiting: Gauge
  /** Per thread: since when its first waiter waits, monotonic milliseconds; 0 where none waits. */
  readonly oldestMs: Float64Array
  readonly clock: Clock
  readonly link: PeerLink
}

interface FreedPlace {
  readonly slot: number
  /** Threads that have passed it on, since another one's first waiter had waited longer, or no request wanted it. */
  readonly passedBy: readonly number[]
  /** One of them that has a request for it: gets it back where no other has. */
  readonly taker: number | undefined
}

interface Waiting {
  readonly sinceMs: number
  isTrying: boolean
  hasComeBack: boolean
}

const freedPlace: Topic<FreedPlace> = 'capacity.freed'
/** The slot of an endpoint that pauses. */
const pausedEndpoint: Topic<number> = 'capacity.paused'

/**
 * Waiting line for endpoints at their `max_concurrent`: first come, first served, over all threads. A freed
 * place wakes the first waiter that can use it. Where the first of another thread has waited longer, that
 * thread gets the place to give away; until it does, a request that has just come may take it.
 */
export class CapacityQueue {
  readonly #maxWaiting: number
  readonly #line: SharedLine
  readonly #waiters = new Map<CapacityWaiter, Waiting>()
  readonly #stops: readonly (() => void)[]
  #refused = 0

  /** @param maxWaiting how many may wait, over all threads; 0: none */
  constructor(maxWaiting: number, line: SharedLine) {
    this.#maxWaiting = maxWaiting
    this.#line = line
    this.#stops = [
      line.link.on(freedPlace, (freed) => this.#giveAway(freed)),
      line.link.on(pausedEndpoint, (slot) => this.#lookAgain(slot)),
    ]
  }

  /** Over all threads. */
  get waiting(): number {
    return this.#line.waiting.value(0)
  }

  /** Whether one more may wait. */
  get hasRoom(): boolean {
    return this.waiting < this.#maxWaiting
  }

  /** Requests of this thread that found the line full. */
  get refused(): number {
    return this.#refused
  }

  /** Milliseconds that a waiter has waited; 0 for one that does not wait. */
  waitedMs(waiter: CapacityWaiter): number {
    const waiting = this.#waiters.get(waiter)
    return waiting === undefined ? 0 : this.#line.clock.monotonicMs() - waiting.sinceMs
  }

  /** @returns false where the line is full */
  enter(waiter: CapacityWaiter): boolean {
    const known = this.#waiters.get(waiter)
    if (known !== undefined) {
      known.hasComeBack = true
      return true
    }
    if (this.#maxWaiting === 0 || !this.#line.waiting.acquire(0, this.#maxWaiting)) {
      this.#refused++
      return false
    }
    const sinceMs = this.#line.clock.monotonicMs()
    this.#waiters.set(waiter, { sinceMs, isTrying: false, hasComeBack: false })
    this.#noteOldest()
    return true
  }

  leave(waiter: CapacityWaiter): void {
    if (!this.#waiters.delete(waiter)) return
    this.#line.waiting.release(0)
    this.#noteOldest()
  }

  /** To be called when a place on `slot` has become free. */
  released(slot: number): void {
    if (this.#line.waiting.value(0) > 0) this.#giveAway({ slot, passedBy: [], taker: undefined })
  }

  /** To be called when an endpoint pauses: who waits for it may not have the time for that. */
  paused(slot: number): void {
    if (this.waiting === 0) return
    this.#line.link.broadcast(pausedEndpoint, slot)
    this.#lookAgain(slot)
  }

  /** To be called when endpoints have become available or have gone: everybody looks again. */
  changed(): void {
    for (const [waiter, waiting] of [...this.#waiters]) this.#wake(waiter, waiting)
  }

  close(): void {
    for (const stop of this.#stops) stop()
  }

  #lookAgain(slot: number): void {
    for (const [waiter, waiting] of [...this.#waiters]) if (waiter.wants(slot)) this.#wake(waiter, waiting)
  }

  #giveAway({ slot, passedBy, taker }: FreedPlace): void {
    const own = this.#firstFor(slot)
    const other = this.#longestWaiting(passedBy)
    if (own !== undefined && (other === undefined || own[1].sinceMs <= other.sinceMs)) {
      this.#wake(...own)
      return
    }
    const { link } = this.#line
    const to = other?.thread ?? taker
    if (to === undefined || to === link.thread) return
    link.tell(to, freedPlace, {
      slot,
      passedBy: [...passedBy, link.thread],
      taker: own === undefined ? taker : link.thread,
    })
  }

  #firstFor(slot: number): [CapacityWaiter, Waiting] | undefined {
    for (const entry of this.#waiters) if (!entry[1].isTrying && entry[0].wants(slot)) return entry
    return undefined
  }

  /** The other thread whose first waiter has waited longest. */
  #longestWaiting(passedBy: readonly number[]): { thread: number; sinceMs: number } | undefined {
    let longest: { thread: number; sinceMs: number } | undefined
    const { link, oldestMs } = this.#line
    for (let thread = 0; thread < link.threads; thread++) {
      const sinceMs = oldestMs[thread] ?? 0
      if (thread === link.thread || sinceMs === 0 || passedBy.includes(thread)) continue
      if (longest === undefined || sinceMs < longest.sinceMs) longest = { thread, sinceMs }
    }
    return longest
  }

  #wake(waiter: CapacityWaiter, waiting: Waiting): void {
    waiting.isTrying = true
    waiting.hasComeBack = false
    waiter.wake()
    waiting.isTrying = false
    if (!waiting.hasComeBack) this.leave(waiter)
  }

  #noteOldest(): void {
    const { link, oldestMs } = this.#line
    const [first] = this.#waiters.values()
    oldestMs[link.thread] = first?.sinceMs ?? 0
  }
}
