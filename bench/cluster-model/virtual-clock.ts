import type { Clock, Timer } from '../../src/kernel/clock.ts'

interface Due {
  readonly dueMs: number
  readonly sequence: number
  run: (() => void) | undefined
}

/** Time that passes only while nothing is left to do. Callbacks of promises run between timers. */
export class VirtualTime {
  #nowMs = 0
  #sequence = 0
  readonly #heap: Due[] = []

  get nowMs(): number {
    return this.#nowMs
  }

  /** A clock of one machine. @param skewMs what its wall clock is ahead */
  clock(skewMs = 0): Clock {
    const startMs = 1_800_000_000_000
    return {
      nowMs: () => startMs + skewMs + this.#nowMs,
      // Each machine counts from its own start.
      monotonicMs: () => this.#nowMs + Math.abs(skewMs),
      after: (delayMs, run) => this.after(delayMs, run),
    }
  }

  after(delayMs: number, run: () => void): Timer {
    const due: Due = { dueMs: this.#nowMs + Math.max(0, delayMs), sequence: this.#sequence++, run }
    this.#push(due)
    return {
      cancel() {
        due.run = undefined
      },
    }
  }

  /** Lets everything happen until then. */
  async runUntil(untilMs: number): Promise<void> {
    for (;;) {
      const [next] = this.#heap
      if (next === undefined || next.dueMs > untilMs) break
      this.#pop()
      if (next.run === undefined) continue
      this.#nowMs = next.dueMs
      next.run()
      // All promises that are resolved run before the next turn of the event loop.
      await new Promise(setImmediate)
    }
    this.#nowMs = untilMs
  }

  #push(due: Due): void {
    const heap = this.#heap
    let at = heap.push(due) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || isBefore(above, due)) break
      heap[at] = above
      at = parent
    }
    heap[at] = due
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      const [one, other] = [heap[left], heap[left + 1]]
      if (one === undefined) break
      const isOther = other !== undefined && isBefore(other, one)
      const child = isOther ? other : one
      if (isBefore(last, child)) break
      heap[at] = child
      at = isOther ? left + 1 : left
    }
    heap[at] = last
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.sequence < b.sequence)
}
