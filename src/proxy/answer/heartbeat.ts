import type { Clock, Timer } from '../../kernel/clock.ts'

/** Calls back after each interval of silence. */
export class Heartbeat {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #beat: () => void
  #lastMs: number
  #timer: Timer

  constructor(clock: Clock, intervalMs: number, beat: () => void) {
    this.#clock = clock
    this.#intervalMs = intervalMs
    this.#beat = beat
    this.#lastMs = clock.monotonicMs()
    this.#timer = this.#arm(intervalMs)
  }

  /** Something was sent: restarts the interval. */
  touch(): void {
    this.#lastMs = this.#clock.monotonicMs()
  }

  stop(): void {
    this.#timer.cancel()
  }

  #arm(delayMs: number): Timer {
    return this.#clock.after(delayMs, () => {
      const leftMs = this.#lastMs + this.#intervalMs - this.#clock.monotonicMs()
      this.#timer = this.#arm(leftMs > 0 ? leftMs : this.#intervalMs)
      if (leftMs > 0) return
      this.touch()
      this.#beat()
    })
  }
}
