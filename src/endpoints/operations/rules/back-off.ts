/** First pause after a failure, doubled with each further one. */
const firstMs = 30_000
const maxMs = 900_000
/** A model that leaves memory so soon after it was loaded was displaced by another one. */
export const displacedWithinMs = 120_000

/** When a rule tries again what has failed; with jitter, so that those of a fleet are spread. */
export class BackOff {
  readonly #random: () => number
  #failures = 0
  #untilMs = 0

  /** @param random 0 to 1 */
  constructor(random: () => number) {
    this.#random = random
  }

  get failures(): number {
    return this.#failures
  }

  /** @returns milliseconds until it may be tried; 0 for now */
  leftMs(nowMs: number): number {
    return Math.max(0, this.#untilMs - nowMs)
  }

  failed(nowMs: number): void {
    const pauseMs = Math.min(maxMs, firstMs * 2 ** Math.min(this.#failures++, 16))
    this.#untilMs = nowMs + pauseMs * (1 + 0.2 * this.#random())
  }

  succeeded(): void {
    this.#failures = 0
    this.#untilMs = 0
  }
}
