import type { Clock } from '../clock.ts'

/** Most that one endpoint's failures count for, in requests. */
const ceiling = 32

/**
 * Counts recent failures of an endpoint as load that melts away: a server that answers 503 at once has the
 * fewest requests under way, and would get all of them (Olla issue 144).
 */
export class FailurePenalties {
  readonly #clock: Clock
  readonly #halfLifeMs: number
  readonly #penalty: number[] = []
  readonly #atMs: number[] = []

  /** @param halfLifeMs after which half of a penalty is left; 5,000 by default */
  constructor(clock: Clock, halfLifeMs = 5_000) {
    this.#clock = clock
    this.#halfLifeMs = halfLifeMs
  }

  failed(slot: number): void {
    const nowMs = this.#clock.monotonicMs()
    this.#penalty[slot] = Math.min(ceiling, this.#at(slot, nowMs) + 4)
    this.#atMs[slot] = nowMs
  }

  /** In requests, 0 to 32. */
  of(slot: number): number {
    if ((this.#penalty[slot] ?? 0) === 0) return 0
    const penalty = this.#at(slot, this.#clock.monotonicMs())
    if (penalty >= 0.01) return penalty
    this.#penalty[slot] = 0
    return 0
  }

  #at(slot: number, nowMs: number): number {
    const penalty = this.#penalty[slot] ?? 0
    return penalty === 0 ? 0 : penalty * 0.5 ** ((nowMs - (this.#atMs[slot] ?? nowMs)) / this.#halfLifeMs)
  }
}
