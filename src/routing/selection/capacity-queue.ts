import type { Gauge } from '../../kernel/cells/gauge.ts'
import { gauge, numberPerThread } from '../../kernel/cells/kinds.ts'
import { cellLayout } from '../../kernel/cells/layout.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'

/** State that the queues of all threads share. */
export const queueCells = cellLayout('queue', () => ({
  /** Number of waiters. */
  waiting: gauge(),
  /** Since when each thread's first waiter waits, in monotonic milliseconds; 0 if there is none. */
  oldestMs: numberPerThread(),
}))

/** A request that waits for a free slot on one of its endpoints. */
export interface CapacityWaiter {
  /** Whether the request can use this endpoint. */
  wants(slot: number): boolean
  /** Retries; a waiter that still finds no capacity re-enters at once and keeps its position. */
  wake(): void
}

/** `queueCells`, and the link between the threads. */
export interface SharedQueue {
  readonly waiting: Gauge
  readonly oldestMs: Float64Array
  readonly clock: Clock
  readonly link: PeerLink
  /** Called for each new waiter of this thread. */
  readonly onWaiting?: ((waiter: CapacityWaiter) => void) | undefined
}

interface FreedSlot {
  readonly slot: number
  /** Threads that declined: another thread's first waiter was older, or no waiter could use it. */
  readonly declinedBy: readonly number[]
  /** A declining thread with a waiter for it; the offer returns to it if no other thread has one. */
  readonly taker: number | undefined
}

interface Waiting {
  readonly sinceMs: number
  isTrying: boolean
  reentered: boolean
}

const freedSlot: Topic<FreedSlot> = 'capacity.freed'
/** Slot of an endpoint that paused. */
const pausedEndpoint: Topic<number> = 'capacity.paused'

/**
 * Queue for endpoints at their `max_concurrent`: first in, first out, over all threads. Freed capacity wakes the first
 * waiter that can use it. If another thread's first waiter is older, that thread gets the offer; until it accepts, a
 * new request may take the capacity.
 */
export class CapacityQueue {
  #maxWaiting: number
  readonly #queue: SharedQueue
  readonly #waiters = new Map<CapacityWaiter, Waiting>()
  readonly #stops: readonly (() => void)[]
  #refused = 0

  /** @param maxWaiting maximum waiters over all threads; 0 disables the queue */
  constructor(maxWaiting: number, queue: SharedQueue) {
    this.#maxWaiting = maxWaiting
    this.#queue = queue
    this.#stops = [
      queue.link.on(freedSlot, (freed) => this.#offer(freed)),
      queue.link.on(pausedEndpoint, (slot) => this.#recheck(slot)),
    ]
  }

  /** @param maxWaiting as at the construction; those that wait continue */
  setMaxWaiting(maxWaiting: number): void {
    this.#maxWaiting = maxWaiting
  }

  /** Number of waiters over all threads. */
  get waiting(): number {
    return this.#queue.waiting.value(0)
  }

  /** Whether the queue has room. */
  get hasRoom(): boolean {
    return this.waiting < this.#maxWaiting
  }

  /** Requests of this thread that found the queue full. */
  get refused(): number {
    return this.#refused
  }

  /** Milliseconds that a waiter has waited; 0 if it is not queued. */
  waitedMs(waiter: CapacityWaiter): number {
    const waiting = this.#waiters.get(waiter)
    return waiting === undefined ? 0 : this.#queue.clock.monotonicMs() - waiting.sinceMs
  }

  /** @returns false if the queue is full */
  enter(waiter: CapacityWaiter): boolean {
    const known = this.#waiters.get(waiter)
    if (known !== undefined) {
      known.reentered = true
      return true
    }
    if (this.#maxWaiting === 0 || !this.#queue.waiting.acquire(0, this.#maxWaiting)) {
      this.#refused++
      return false
    }
    const sinceMs = this.#queue.clock.monotonicMs()
    this.#waiters.set(waiter, { sinceMs, isTrying: false, reentered: false })
    this.#noteOldest()
    this.#queue.onWaiting?.(waiter)
    return true
  }

  leave(waiter: CapacityWaiter): void {
    if (!this.#waiters.delete(waiter)) return
    this.#queue.waiting.release(0)
    this.#noteOldest()
  }

  /** Call when capacity on `slot` became free. */
  released(slot: number): void {
    if (this.#queue.waiting.value(0) > 0) this.#offer({ slot, declinedBy: [], taker: undefined })
  }

  /** Call when an endpoint pauses: its waiters may not have enough time left. */
  paused(slot: number): void {
    if (this.waiting === 0) return
    this.#queue.link.broadcast(pausedEndpoint, slot)
    this.#recheck(slot)
  }

  /** Call when endpoints appear or disappear: wakes every waiter. */
  changed(): void {
    for (const [waiter, waiting] of [...this.#waiters]) this.#wake(waiter, waiting)
  }

  close(): void {
    for (const stop of this.#stops) stop()
  }

  #recheck(slot: number): void {
    for (const [waiter, waiting] of [...this.#waiters]) if (waiter.wants(slot)) this.#wake(waiter, waiting)
  }

  #offer({ slot, declinedBy, taker }: FreedSlot): void {
    const own = this.#firstFor(slot)
    const other = this.#longestWaiting(declinedBy)
    if (own !== undefined && (other === undefined || own[1].sinceMs <= other.sinceMs)) {
      this.#wake(...own)
      return
    }
    const { link } = this.#queue
    const to = other?.thread ?? taker
    if (to === undefined || to === link.thread) return
    link.send(to, freedSlot, {
      slot,
      declinedBy: [...declinedBy, link.thread],
      taker: own === undefined ? taker : link.thread,
    })
  }

  #firstFor(slot: number): [CapacityWaiter, Waiting] | undefined {
    for (const entry of this.#waiters) if (!entry[1].isTrying && entry[0].wants(slot)) return entry
    return undefined
  }

  /** The other thread with the oldest first waiter. */
  #longestWaiting(declinedBy: readonly number[]): { thread: number; sinceMs: number } | undefined {
    let longest: { thread: number; sinceMs: number } | undefined
    const { link, oldestMs } = this.#queue
    for (let thread = 0; thread < link.threads; thread++) {
      const sinceMs = oldestMs[thread] ?? 0
      if (thread === link.thread || sinceMs === 0 || declinedBy.includes(thread)) continue
      if (longest === undefined || sinceMs < longest.sinceMs) longest = { thread, sinceMs }
    }
    return longest
  }

  #wake(waiter: CapacityWaiter, waiting: Waiting): void {
    waiting.isTrying = true
    waiting.reentered = false
    waiter.wake()
    waiting.isTrying = false
    if (!waiting.reentered) this.leave(waiter)
  }

  #noteOldest(): void {
    const { link, oldestMs } = this.#queue
    const [first] = this.#waiters.values()
    oldestMs[link.thread] = first?.sinceMs ?? 0
  }
}
