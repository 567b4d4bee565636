import type { Clock } from '../../kernel/clock.ts'
import { phaseCell } from './breaker-table.ts'
import { isClosedPhase } from './circuit-breaker.ts'
import type { ModelTable } from './model-table.ts'

/** Subject of evidence: an endpoint or one model on it. */
export interface EvidenceTarget {
  readonly endpoint: { readonly slot: number }
  /** As the endpoint spells it; undefined if the request names no model. */
  readonly nativeModel?: string | undefined
}

/** The state belongs to the endpoint: the request names no model, or the endpoint has only this one. */
export const ofEndpoint = -1
/** All rows are in use, so the failure is not counted. */
export const untracked = -2

/** A row without a failure for this long can be reused. */
const idleMs = 60_000

/** Finds the row with the state of a model on an endpoint, and reuses idle rows. */
export class ModelStates {
  readonly table: ModelTable
  readonly #clock: Clock
  /** Number of models that an endpoint lists; 0 if unknown. */
  countModels: (slot: number) => number = () => 0

  constructor(table: ModelTable, clock: Clock) {
    this.table = table
    this.#clock = clock
  }

  /** @returns -1 if the model has no state of its own on this endpoint */
  find({ endpoint, nativeModel }: EvidenceTarget): number {
    return nativeModel === undefined ? ofEndpoint : this.table.find(endpoint.slot, nativeModel)
  }

  /** Whether evidence about the model applies to its endpoint: it is the only model, or the request named none. */
  isOfEndpoint({ endpoint: { slot }, nativeModel }: EvidenceTarget): boolean {
    return nativeModel === undefined || this.countModels(slot) === 1
  }

  /** The row for a failure, or `ofEndpoint` or `untracked`. */
  take(target: EvidenceTarget): number {
    const {
      endpoint: { slot },
      nativeModel,
    } = target
    if (nativeModel === undefined || this.isOfEndpoint(target)) return ofEndpoint
    const nowMs = this.#clock.monotonicMs()
    const row = this.table.take(slot, nativeModel, nowMs)
    if (row >= 0) return row
    this.#freeIdle(nowMs)
    const freed = this.table.take(slot, nativeModel, nowMs)
    return freed >= 0 ? freed : untracked
  }

  /** Paused models of an endpoint, for views. */
  pauses(slot: number): { model: string; leftMs: number }[] {
    const nowMs = this.#clock.monotonicMs()
    return this.table.rows(slot).flatMap((row) => {
      const leftMs = (this.table.pausedUntilMs[row] ?? 0) - nowMs
      return leftMs > 0 ? [{ model: this.table.model(row), leftMs }] : []
    })
  }

  #freeIdle(nowMs: number): void {
    const { table } = this
    for (const row of table.rows()) {
      const isClosed = isClosedPhase(table.breakers.load(row, phaseCell))
      const pauses = (table.pausedUntilMs[row] ?? 0) > nowMs
      if (isClosed && !pauses && nowMs - table.usedAtMs(row) > idleMs) table.free(row)
    }
  }
}
