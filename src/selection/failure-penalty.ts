import type { Clock } from '../clock.ts'

/** What one failure counts for, and the most that all of an endpoint's failures count for; in requests. */
const perFailure = 4
const ceiling = 32
/** Below this it is as good as none. */
const negligible = 0.01

/**
 * Counts recent failures of an endpoint as load that melts away: a server that answers 503 at once has the
 * fewest requests under way, and would get all of them (Olla issue 144).
 *
 * A penalty of p at the time t is kept as `log2(p) + t / halfLife`, one number that stands still while the
 * penalty melts: no thread ever sees the penalty of one failure with the time of another. Of two failures on
 * two threads at the same instant one may not count.
 */
export class FailurePenalties {
  readonly #clock: Clock
  readonly #halfLifeMs: number
  readonly #cells: Float64Array

  /**
   * @param cells shared, one for each endpoint, 0 for none
   * @param halfLifeMs after which half of a penalty is left; 5,000 by default
   */
  constructor(clock: Clock, cells: Float64Array, halfLifeMs = 5_000) {
    this.#clock = clock
    this.#cells = cells
    this.#halfLifeMs = halfLifeMs
  }

  failed(slot: number): void {
    const penalty = Math.min(ceiling, this.of(slot) + perFailure)
    this.#cells[slot] = Math.log2(penalty) + this.#clock.monotonicMs() / this.#halfLifeMs
  }

  /** In requests, 0 to 32. */
  of(slot: number): number {
    const cell = this.#cells[slot] ?? 0
    if (cell === 0) return 0
    const penalty = 2 ** (cell - this.#clock.monotonicMs() / this.#halfLifeMs)
    if (penalty >= negligible) return penalty
    this.#cells[slot] = 0
    return 0
  }
}
