import type { Clock, Timer } from '../../src/kernel/clock.ts'

interface Pending {
  dueMs: number
  sequence: number
  run: () => void
}

/** A clock that stands still until `advance` moves it; due timers run in order of time, then of creation. */
export class FakeClock implements Clock {
  #elapsedMs = 0
  #sequence = 0
  readonly #startMs: number
  readonly #pending = new Set<Pending>()

  constructor(startMs = 1_800_000_000_000) {
    this.#startMs = startMs
  }

  nowMs(): number {
    return this.#startMs + this.#elapsedMs
  }

  monotonicMs(): number {
    return this.#elapsedMs
  }

  after(delayMs: number, run: () => void): Timer {
    const pending = { dueMs: this.#elapsedMs + Math.max(0, delayMs), sequence: this.#sequence++, run }
    this.#pending.add(pending)
    return { cancel: () => this.#pending.delete(pending) }
  }

  /** How many timers are armed. */
  get armed(): number {
    return this.#pending.size
  }

  /** Moves time forward by `ms` and runs what falls due; promise callbacks run between timers. */
  async advance(ms: number): Promise<void> {
    const targetMs = this.#elapsedMs + ms
    for (;;) {
      await settle()
      const next = this.#next(targetMs)
      if (next === undefined) break
      this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs)
      this.#pending.delete(next)
      next.run()
    }
    this.#elapsedMs = targetMs
    await settle()
  }

  #next(targetMs: number): Pending | undefined {
    let next: Pending | undefined
    for (const pending of this.#pending) {
      if (pending.dueMs > targetMs) continue
      if (
        next === undefined ||
        pending.dueMs < next.dueMs ||
        (pending.dueMs === next.dueMs && pending.sequence < next.sequence)
      ) {
        next = pending
      }
    }
    return next
  }
}

/** Lets already resolved promises run their callbacks. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}
