/** A request that waits for a place on one of its endpoints. */
export interface CapacityWaiter {
  /** Whether a place on this endpoint would do. */
  wants(slot: number): boolean
  /** Tries again; called at most once per enqueueing. */
  wake(): void
}

/**
 * First come, first served waiting line for endpoints at their `max_concurrent`. A freed place wakes the
 * first waiter that can use it; that one tries again and may find the place taken by a thread next door, in
 * which case it queues anew.
 */
export class CapacityQueue {
  readonly #maxWaiting: number
  readonly #waiters = new Set<CapacityWaiter>()
  #refused = 0

  /** @param maxWaiting how many may wait; 0: none */
  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting
  }

  get waiting(): number {
    return this.#waiters.size
  }

  /** Requests that found the line full. */
  get refused(): number {
    return this.#refused
  }

  /** @returns false where the line is full */
  enter(waiter: CapacityWaiter): boolean {
    if (this.#waiters.size >= this.#maxWaiting) {
      this.#refused++
      return false
    }
    this.#waiters.add(waiter)
    return true
  }

  leave(waiter: CapacityWaiter): void {
    this.#waiters.delete(waiter)
  }

  /** To be called when a place on `slot` has become free. */
  released(slot: number): void {
    if (this.#waiters.size === 0) return
    for (const waiter of this.#waiters) {
      if (!waiter.wants(slot)) continue
      this.#waiters.delete(waiter)
      waiter.wake()
      return
    }
  }

  /** To be called when endpoints have become available or have gone: everybody looks again. */
  changed(): void {
    if (this.#waiters.size === 0) return
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const waiter of waiters) waiter.wake()
  }
}
