import type { CallerLimitCells } from './limit-cells.ts'
import { type CallerLimit, limitName, rowKey, type SlotLimit, slotsName } from './limit-plan.ts'
import { type LimitWarning, limitWarning, type WarningState } from './limit-warning.ts'
import { RefusalCounts } from './refusal-counts.ts'
import type { Moment } from './window.ts'

/** Counts what limits refuse, and reports budgets that warn or refuse, and other limits that are to warn. */
export class LimitReports {
  readonly #cells: CallerLimitCells
  readonly #refusals: RefusalCounts
  readonly #onWarning: (warning: LimitWarning) => void

  /** @param onWarning called at most once for each limit, state and window, by one thread */
  constructor(cells: CallerLimitCells, onWarning: (warning: LimitWarning) => void) {
    this.#cells = cells
    this.#refusals = new RefusalCounts(cells)
    this.#onWarning = onWarning
  }

  /** A limit that has just got an amount is above the share at which it warns. */
  warn(limit: CallerLimit, moment: Moment): void {
    this.#report('soft', limit, limit.row.bucket, limit.row.total, moment)
  }

  /** A limit has refused a request. */
  refused(limit: CallerLimit, moment: Moment): void {
    const { kind, id, isBudget, warnAt, row, window } = limit
    this.#refusals.add(rowKey(kind, id, limitName(limit)), moment)
    // Refusals of a rate are ordinary, unless the operator has asked for warnings.
    if (!isBudget && !Number.isFinite(warnAt)) return
    const current = window.bucketAt(moment)
    this.#report('reached', limit, current, row.sum(current), moment)
  }

  /** All slots are taken. */
  refusedSlot({ kind, id }: SlotLimit, moment: Moment): void {
    this.#refusals.add(rowKey(kind, id, slotsName), moment)
  }

  /** Reports a limit once for each window: a mark in its row says in which bucket that was. */
  #report(state: WarningState, limit: CallerLimit, bucket: number, total: number, moment: Moment): void {
    const { row, window } = limit
    const marks = state === 'soft' ? this.#cells.warnings : this.#cells.reached
    const mark = bucket + 1
    const marked = Atomics.load(marks, row.row)
    if (marked !== 0 && mark - marked <= window.span) return
    if (Atomics.compareExchange(marks, row.row, marked, mark) !== marked) return
    this.#onWarning(limitWarning(state, limit, total, moment.wallMs + window.leavesInMs(bucket, moment)))
  }
}
