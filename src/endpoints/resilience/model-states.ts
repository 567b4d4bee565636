import type { Clock } from '../../kernel/clock.ts'
import { phaseCell } from '../../runtime/cells/breaker-table.ts'
import type { ModelTable } from '../../runtime/cells/model-table.ts'
import { isClosedPhase } from './circuit-breaker.ts'

/** What evidence is kept for: an endpoint, or one model on it. */
export interface EvidenceTarget {
  readonly endpoint: { readonly slot: number }
  /** As the endpoint spells it; undefined where the request names no model. */
  readonly nativeModel?: string | undefined
}

/** The state is the endpoint's own: the request names no model, or the endpoint has only this one. */
export const ofEndpoint = -1
/** Every row is in use: the failure counts for nothing. */
export const untracked = -2

/** A row that no failure has touched for so long tells nothing any more. */
const idleMs = 60_000

/** Finds the row that keeps what is known of a model on an endpoint, and gives back rows that tell nothing. */
export class ModelStates {
  readonly table: ModelTable
  readonly #clock: Clock
  /** How many models an endpoint lists; 0 where that is not known. */
  countModels: (slot: number) => number = () => 0

  constructor(table: ModelTable, clock: Clock) {
    this.table = table
    this.#clock = clock
  }

  /** @returns -1 where nothing of its own is known of the model there */
  find({ endpoint, nativeModel }: EvidenceTarget): number {
    return nativeModel === undefined ? ofEndpoint : this.table.find(endpoint.slot, nativeModel)
  }

  /** Whether what is about the model there is about its endpoint: it is the only one, or none was named. */
  isOfEndpoint({ endpoint: { slot }, nativeModel }: EvidenceTarget): boolean {
    return nativeModel === undefined || this.countModels(slot) === 1
  }

  /** The row to write a failure to; `ofEndpoint` and `untracked` are none. */
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

  /** Models of an endpoint that pause now, for views. */
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
