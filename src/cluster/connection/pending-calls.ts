import type { Clock, Timer } from '../../kernel/clock.ts'

interface Pending {
  untilMs: number
  isExtended: boolean
  readonly expire: () => void
  isOver: boolean
}

/** A timer that is later than this shows that the thread did not run. */
const lateMs = 5

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
    const untilMs = this.#clock.monotonicMs() + this.#timeoutMs
    const pending: Pending = { untilMs, isExtended: false, expire, isOver: false }
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
      for (;;) {
        const [pending] = this.#queue
        if (pending === undefined || (!pending.isOver && pending.untilMs > nowMs)) break
        // This thread was busy, and the answer may wait to be read.
        if (!pending.isOver && !pending.isExtended && nowMs - pending.untilMs > lateMs) {
          pending.isExtended = true
          pending.untilMs = nowMs + lateMs
          break
        }
        this.#queue.shift()
        if (pending.isOver) continue
        pending.isOver = true
        pending.expire()
      }
      const [first] = this.#queue
      if (first !== undefined) this.#timer = this.#arm(Math.max(1, first.untilMs - nowMs))
    })
  }
}
