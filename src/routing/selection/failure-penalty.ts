import { type EvidenceTarget, type ModelStates, ofEndpoint } from '../../endpoints/resilience/model-states.ts'
import type { Clock } from '../../kernel/clock.ts'

/** What one failure counts for, and the most that all failures of one count for; in requests. */
const perFailure = 4
const ceiling = 32
/** Below this it is as good as none. */
const negligible = 0.01

/**
 * Counts recent failures as load that melts away: a server that answers 503 at once has the fewest requests under way,
 * and would get all of them (Olla issue 144). A failure of a model counts for that model only.
 *
 * A penalty of p at the time t is kept as `log2(p) + t / halfLife`, one number that stands still while the
 * penalty melts: no thread ever sees the penalty of one failure with the time of another. Of two failures on
 * two threads at the same instant one may not count.
 */
export class FailurePenalties {
  readonly #clock: Clock
  readonly #halfLifeMs: number
  readonly #cells: Float64Array
  readonly #models: ModelStates | undefined

  /**
   * @param cells shared, one for each endpoint, 0 for none
   * @param halfLifeMs after which half of a penalty is left; 5,000 by default
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

  /** @param about what the failure counts for */
  failed(target: EvidenceTarget, about: 'endpoint' | 'model'): void {
    this.#add(target, about, perFailure)
  }

  /** Takes one failure back that turned out to be the request's own. */
  forgive(target: EvidenceTarget, about: 'endpoint' | 'model', sinceMs: number): void {
    const melted = 2 ** ((this.#clock.monotonicMs() - sinceMs) / this.#halfLifeMs)
    this.#add(target, about, -perFailure / melted)
  }

  /** The target is well again. */
  clear({ endpoint, nativeModel }: EvidenceTarget): void {
    if (this.#cells[endpoint.slot] !== 0) this.#cells[endpoint.slot] = 0
    const row = this.#models?.find({ endpoint, nativeModel }) ?? ofEndpoint
    if (row >= 0 && this.#models !== undefined) this.#models.table.penalties[row] = 0
  }

  /** In requests, 0 to 64: those of the endpoint and those of the model there. */
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
