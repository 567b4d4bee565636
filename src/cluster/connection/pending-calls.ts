import type { Clock, Timer } from '../../kernel/clock.ts'

interface Pending {
  readonly untilMs: number
  readonly expire: () => void
  isOver: boolean
}

/** Deadlines of calls; all calls with one timeout share one timer, because they expire in the order of their start. */
export class PendingCalls {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #queue: Pending[] = []
  #timer: Timer | undefined

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  /** @returns a function that reports the end of the call; false if it has expired */
  begin(expire: () => void): () => boolean {
    const pending: Pending = { untilMs: this.#clock.monotonicMs() + this.#timeoutMs, expire, isOver: false }
    this.#queue.push(pending)
    this.#timer ??= this.#arm(this.#timeoutMs)
    return () => {
      if (pending.isOver) return false
      pending.isOver = true
      return true
    }
  }

  stop(): void {
    this.#timer?.cancel()
    this.#queue.length = 0
  }

  #arm(delayMs: number): Timer {
    return this.#clock.after(delayMs, () => {
      this.#timer = undefined
      const nowMs = this.#clock.monotonicMs()
      while (this.#queue[0] !== undefined && (this.#queue[0].isOver || this.#queue[0].untilMs <= nowMs)) {
        const pending = this.#queue.shift()
        if (pending === undefined || pending.isOver) continue
        pending.isOver = true
        pending.expire()
      }
      const [first] = this.#queue
      if (first !== undefined) this.#timer = this.#arm(Math.max(1, first.untilMs - nowMs))
    })
  }
}
