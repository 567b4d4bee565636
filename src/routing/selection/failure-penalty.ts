import { type EvidenceTarget, type ModelStates, ofEndpoint } from '../../endpoints/resilience/model-states.ts'
import { numbers } from '../../kernel/cells/kinds.ts'
import { cellLayout } from '../../kernel/cells/layout.ts'
import type { Clock } from '../../kernel/clock.ts'

export const penaltyCells = cellLayout('penalties', ({ endpoints }) => ({
  /** Penalty of each endpoint as `FailurePenalties` stores it; 0 for none. */
  penalties: numbers(endpoints),
}))

/** Penalty of one failure and maximum penalty of a target, in requests. */
const perFailure = 4
const ceiling = 32
/** Smaller penalties count as none. */
const negligible = 0.01

/**
 * Counts recent failures as decaying load: a server that answers 503 at once has the fewest in-flight requests and
 * would otherwise get all new ones (Olla issue 144). A failure of a model counts for that model only.
 *
 * Stores a penalty p at time t as `log2(p) + t / halfLife`, one number that stays constant while the penalty decays, so
 * no thread sees one failure's penalty with another's time. Of two simultaneous failures on two threads one may be
 * lost.
 */
export class FailurePenalties {
  readonly #clock: Clock
  readonly #halfLifeMs: number
  readonly #cells: Float64Array
  readonly #models: ModelStates | undefined

  /**
   * @param cells of `penaltyCells`
   * @param halfLifeMs time in which a penalty halves; default 5,000
   */
  constructor(
    clock: Clock,
    cells: Float64Array,
    { halfLifeMs = 5_000, models }: { halfLifeMs?: number; models?: ModelStates | undefined } = {},
  ) {
    this.#clock = clock
    this.#cells = cells
    this.#halfLifeMs = halfLifeMs
    this.#models = models
  }

  /** @param about subject of the failure */
  failed(target: EvidenceTarget, about: 'endpoint' | 'model'): void {
    this.#add(target, about, perFailure)
  }

  /** Withdraws a failure that turned out to be the request's fault. */
  forgive(target: EvidenceTarget, about: 'endpoint' | 'model', sinceMs: number): void {
    const melted = 2 ** ((this.#clock.monotonicMs() - sinceMs) / this.#halfLifeMs)
    this.#add(target, about, -perFailure / melted)
  }

  /** Clears the penalty of a recovered target. */
  clear({ endpoint, nativeModel }: EvidenceTarget): void {
    if (this.#cells[endpoint.slot] !== 0) this.#cells[endpoint.slot] = 0
    const row = this.#models?.find({ endpoint, nativeModel }) ?? ofEndpoint
    if (row >= 0 && this.#models !== undefined) this.#models.table.penalties[row] = 0
  }

  /** Penalty of the endpoint plus that of the model on it; requests, 0 to 64. */
  of(target: EvidenceTarget): number {
    const own = this.#read(this.#cells, target.endpoint.slot)
    const row = this.#models?.find(target) ?? ofEndpoint
    return row < 0 || this.#models === undefined ? own : own + this.#read(this.#models.table.penalties, row)
  }

  #add(target: EvidenceTarget, about: 'endpoint' | 'model', requests: number): void {
    const row = about === 'endpoint' ? ofEndpoint : (this.#models?.take(target) ?? ofEndpoint)
    if (row === ofEndpoint) this.#write(this.#cells, target.endpoint.slot, requests)
    else if (row >= 0 && this.#models !== undefined) this.#write(this.#models.table.penalties, row, requests)
  }

  #write(cells: Float64Array, at: number, requests: number): void {
    const penalty = Math.min(ceiling, this.#read(cells, at) + requests)
    cells[at] = penalty < negligible ? 0 : Math.log2(penalty) + this.#clock.monotonicMs() / this.#halfLifeMs
  }

  #read(cells: Float64Array, at: number): number {
    const cell = cells[at] ?? 0
    if (cell === 0) return 0
    const penalty = 2 ** (cell - this.#clock.monotonicMs() / this.#halfLifeMs)
    if (penalty >= negligible) return penalty
    cells[at] = 0
    return 0
  }
}
