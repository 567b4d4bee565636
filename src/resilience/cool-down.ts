import type { Clock } from '../clock.ts'

/** Endpoints that have asked to be left alone for a while (`Retry-After`), by slot. */
export class CoolDowns {
  readonly #clock: Clock
  readonly #untilMs: Float64Array

  /** @param untilMs shared cells, one for each endpoint: monotonic milliseconds, 0 for none */
  constructor(clock: Clock, untilMs: Float64Array) {
    this.#clock = clock
    this.#untilMs = untilMs
  }

  set(slot: number, forMs: number): void {
    this.#untilMs[slot] = Math.max(this.#untilMs[slot] ?? 0, this.#clock.monotonicMs() + forMs)
  }

  /** Milliseconds left; 0 where there is none. */
  leftMs(slot: number): number {
    const untilMs = this.#untilMs[slot] ?? 0
    return untilMs === 0 ? 0 : Math.max(0, untilMs - this.#clock.monotonicMs())
  }
}
