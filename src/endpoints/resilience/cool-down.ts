import { numbers } from '../../kernel/cells/kinds.ts'
import { cellLayout } from '../../kernel/cells/layout.ts'
import type { Clock } from '../../kernel/clock.ts'
import { type EvidenceTarget, type ModelStates, ofEndpoint } from './model-states.ts'

/** Maximum pause: a wrong unit or date must not disable a model for an hour. */
export const maxPauseMs = 300_000

export const coolDownCells = cellLayout('cool-downs', ({ endpoints }) => ({
  /** Monotonic milliseconds until which an endpoint wants no requests, 0 for none. */
  untilMs: numbers(endpoints),
}))

export interface CoolDownParts {
  /** Pauses of models; without them every pause applies to the endpoint. */
  readonly models?: ModelStates | undefined
  /** Whether an endpoint answered a request successfully since a monotonic time. */
  readonly hasAnsweredSince?: ((slot: number, sinceMs: number) => boolean) | undefined
}

/** Pauses that models and whole endpoints requested (`Retry-After`). */
export class CoolDowns {
  readonly #clock: Clock
  readonly #untilMs: Float64Array
  readonly #parts: CoolDownParts

  /** @param untilMs of `coolDownCells` */
  constructor(clock: Clock, untilMs: Float64Array, parts: CoolDownParts = {}) {
    this.#clock = clock
    this.#untilMs = untilMs
    this.#parts = parts
  }

  /**
   * Pauses the model on its endpoint. Pauses the whole endpoint if the request named no model, if it is the only model,
   * or if another model pauses too and the endpoint answered no request since.
   * @returns whether the whole endpoint pauses
   */
  set(target: EvidenceTarget, forMs: number): boolean {
    const { models } = this.#parts
    const { slot } = target.endpoint
    const row = models?.take(target) ?? ofEndpoint
    const untilMs = this.#clock.monotonicMs() + Math.min(maxPauseMs, forMs)
    if (models !== undefined && row !== ofEndpoint) {
      const cells = models.table.pausedUntilMs
      if (row >= 0) cells[row] = Math.max(cells[row] ?? 0, untilMs)
      if (!this.#othersPause(slot, row)) return false
    }
    this.#untilMs[slot] = Math.max(this.#untilMs[slot] ?? 0, untilMs)
    return true
  }

  /** Remaining milliseconds; 0 if there is no pause. */
  leftMs(target: EvidenceTarget): number {
    const endpointUntilMs = this.#untilMs[target.endpoint.slot] ?? 0
    const row = this.#parts.models?.find(target) ?? ofEndpoint
    const modelUntilMs = row < 0 ? 0 : (this.#parts.models?.table.pausedUntilMs[row] ?? 0)
    const untilMs = Math.max(endpointUntilMs, modelUntilMs)
    return untilMs === 0 ? 0 : Math.max(0, untilMs - this.#clock.monotonicMs())
  }

  /**
   * Remaining milliseconds of a pause requested for this candidate itself, ignoring a pause of the endpoint caused by
   * other models.
   */
  ownLeftMs(target: EvidenceTarget): number {
    const { models } = this.#parts
    if (models === undefined || models.isOfEndpoint(target)) return this.leftMs(target)
    const row = models.find(target)
    const untilMs = row < 0 ? 0 : (models.table.pausedUntilMs[row] ?? 0)
    return Math.max(0, untilMs - this.#clock.monotonicMs())
  }

  /** Ends a pause of the whole endpoint after it answered for another model. */
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
