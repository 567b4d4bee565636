import type { LineOptions, SharedLine } from './line-contract.ts'
import type { LineFirsts } from './line-firsts.ts'
import { excludedLevel } from './line-rank.ts'

/** Which classes may use a free place: some places are reserved for higher ones. */
export class LineReserve {
  readonly #cells: Pick<SharedLine, 'clock' | 'hasPlace'>
  readonly #firsts: LineFirsts

  constructor(cells: Pick<SharedLine, 'clock' | 'hasPlace'>, firsts: LineFirsts) {
    this.#cells = cells
    this.#firsts = firsts
  }

  /** The levels of the classes at an endpoint now; `excludedLevel` for those that may not use its places. */
  levels(slot: number, options: LineOptions): number[] {
    const nowMs = this.#cells.clock.monotonicMs()
    const levels = this.#firsts.levels(slot, nowMs, options.riseMs)
    if (options.reserved === undefined) return levels
    return levels.map((level, priority) =>
      this.admits(slot, priority, options) || this.#firsts.isOverdue(slot, priority, nowMs, options.riseMs)
        ? level
        : excludedLevel,
    )
  }

  /** Whether the endpoint has a place that is not reserved for higher classes. */
  admits(slot: number, priority: number, { reserved }: LineOptions): boolean {
    const share = reserved?.[priority] ?? 0
    return share === 0 || this.#cells.hasPlace?.(slot, share) !== false
  }

  /** Whether places are reserved, and the endpoint has one. */
  isFree(slot: number, { reserved }: LineOptions): boolean {
    return reserved !== undefined && this.#cells.hasPlace?.(slot, 0) === true
  }
}
