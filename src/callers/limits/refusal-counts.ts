import type { CallerLimitCells } from './limit-cells.ts'
import { LimitRow } from './limit-row.ts'
import { type Moment, rollingWindow, type Window } from './window.ts'

export interface Refusals {
  readonly hour: number
  readonly day: number
}

const hour: Window = { ...rollingWindow('hour'), isSaved: false }
const day: Window = { ...rollingWindow('day'), isSaved: false }

/** Counts the requests that each limit refuses, over all threads, since the start of the process. */
export class RefusalCounts {
  readonly #cells: Pick<CallerLimitCells, 'amounts' | 'unsaved'>

  constructor({ refusals, unsaved }: CallerLimitCells) {
    // Refusals are neither settled nor saved: the marks are not changed.
    this.#cells = { amounts: refusals, unsaved }
  }

  /** @param limit key of the limit's row */
  add(limit: string, moment: Moment): void {
    for (const window of [hour, day])
      this.#row(limit, window, true)?.add(window.bucketAt(moment), 1, Number.POSITIVE_INFINITY)
  }

  read(limit: string, moment: Moment): Refusals {
    const sum = (window: Window) => this.#row(limit, window, false)?.sum(window.bucketAt(moment)) ?? 0
    return { hour: sum(hour), day: sum(day) }
  }

  #row(limit: string, window: Window, takes: boolean): LimitRow | undefined {
    const row = this.#cells.amounts.row(`${limit}\n${window.name}`, takes)
    return row === undefined ? undefined : new LimitRow(row, window, this.#cells)
  }
}
