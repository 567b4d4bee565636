import type { Clock } from '../clock.ts'

/** Endpoints that have asked to be left alone for a while (`Retry-After`), by slot. */
export class CoolDowns {
  readonly #clock: Clock
  readonly #untilMs: number[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  set(slot: number, forMs: number): void {
    this.#untilMs[slot] = Math.max(this.#untilMs[slot] ?? 0, this.#clock.monotonicMs() + forMs)
  }

  /** Milliseconds left; 0 where there is none. */
  leftMs(slot: number): number {
    const untilMs = this.#untilMs[slot]
    return untilMs === undefined ? 0 : Math.max(0, untilMs - this.#clock.monotonicMs())
  }
}
