import type { Clock } from '../../kernel/clock.ts'
import { type EvidenceTarget, type ModelStates, ofEndpoint } from './model-states.ts'

/** Longest pause: a wrong unit or date must not take a model out for an hour. */
export const longestPauseMs = 300_000

export interface CoolDownParts {
  /** Pauses of models; without them every pause is the endpoint's. */
  readonly models?: ModelStates | undefined
  /** Whether an endpoint has answered a request well since a monotonic time. */
  readonly hasAnsweredSince?: ((slot: number, sinceMs: number) => boolean) | undefined
}

/** Models, and whole endpoints, that have asked to be left alone for a while (`Retry-After`). */
export class CoolDowns {
  readonly #clock: Clock
  readonly #untilMs: Float64Array
  readonly #parts: CoolDownParts

  /** @param untilMs shared cells, one for each endpoint: monotonic milliseconds, 0 for none */
  constructor(clock: Clock, untilMs: Float64Array, parts: CoolDownParts = {}) {
    this.#clock = clock
    this.#untilMs = untilMs
    this.#parts = parts
  }

  /**
   * Leaves the model alone on its endpoint; the whole endpoint where the request named no model, where it has only
   * this one, and where another of its models pauses as well and none was answered since.
   * @returns whether it is the whole endpoint
   */
  set(target: EvidenceTarget, forMs: number): boolean {
    const { models } = this.#parts
    const { slot } = target.endpoint
    const row = models?.take(target) ?? ofEndpoint
    const untilMs = this.#clock.monotonicMs() + Math.min(longestPauseMs, forMs)
    if (models !== undefined && row !== ofEndpoint) {
      const cells = models.table.pausedUntilMs
      if (row >= 0) cells[row] = Math.max(cells[row] ?? 0, untilMs)
      if (!this.#othersPause(slot, row)) return false
    }
    this.#untilMs[slot] = Math.max(this.#untilMs[slot] ?? 0, untilMs)
    return true
  }

  /** Milliseconds left; 0 where there is none. */
  leftMs(target: EvidenceTarget): number {
    const endpointUntilMs = this.#untilMs[target.endpoint.slot] ?? 0
    const row = this.#parts.models?.find(target) ?? ofEndpoint
    const modelUntilMs = row < 0 ? 0 : (this.#parts.models?.table.pausedUntilMs[row] ?? 0)
    const untilMs = Math.max(endpointUntilMs, modelUntilMs)
    return untilMs === 0 ? 0 : Math.max(0, untilMs - this.#clock.monotonicMs())
  }

  /**
   * Milliseconds left of a pause that was asked for this candidate itself; that others have made their endpoint pause
   * does not count.
   */
  ownLeftMs(target: EvidenceTarget): number {
    const { models } = this.#parts
    if (models === undefined || models.isOfEndpoint(target)) return this.leftMs(target)
    const row = models.find(target)
    const untilMs = row < 0 ? 0 : (models.table.pausedUntilMs[row] ?? 0)
    return Math.max(0, untilMs - this.#clock.monotonicMs())
  }

  /** An endpoint that pauses for the sake of some of its models has answered for another one. */
  endWhole(target: EvidenceTarget): void {
    if (this.ownLeftMs(target) === 0) this.#untilMs[target.endpoint.slot] = 0
  }

  #othersPause(slot: number, own: number): boolean {
    const { models, hasAnsweredSince } = this.#parts
    if (models === undefined) return false
    const nowMs = this.#clock.monotonicMs()
    const { table } = models
    return table
      .rows(slot)
      .some(
        (row) =>
          row !== own &&
          (table.pausedUntilMs[row] ?? 0) > nowMs &&
          hasAnsweredSince?.(slot, table.usedAtMs(row)) !== true,
      )
  }
}
