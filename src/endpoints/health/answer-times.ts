import { numbers } from '../../kernel/cells/kinds.ts'
import { cellLayout } from '../../kernel/cells/layout.ts'
import type { Clock } from '../../kernel/clock.ts'

export const answerCells = cellLayout('answers', ({ endpoints }) => ({
  /** Monotonic milliseconds, 0 for never. */
  answeredAtMs: numbers(endpoints),
}))

/** When each endpoint last answered a request successfully, which outweighs a probe that failed in the meantime. */
export class AnswerTimes {
  readonly #clock: Clock
  readonly #answeredAtMs: Float64Array

  /** @param answeredAtMs of `answerCells` */
  constructor(clock: Clock, answeredAtMs: Float64Array) {
    this.#clock = clock
    this.#answeredAtMs = answeredAtMs
  }

  /** Records that the endpoint answered a request with anything but a server error. */
  answered(slot: number): void {
    this.#answeredAtMs[slot] = this.#clock.monotonicMs()
  }

  /** @param sinceMs monotonic milliseconds */
  hasAnsweredSince(slot: number, sinceMs: number): boolean {
    const atMs = this.#answeredAtMs[slot] ?? 0
    return atMs !== 0 && atMs >= sinceMs
  }
}
