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
    const { amounts } = this.#cells
    for (const window of [hour, day]) {
      const key = keyOf(limit, window)
      const row =
        amounts.row(key) ??
        amounts.exclusively(() => amounts.take(key, (other) => this.#isFree(other, moment)))
      if (row === undefined) continue
      new LimitRow(row, window, this.#cells).add(window.bucketAt(moment), 1, Number.POSITIVE_INFINITY)
    }
  }

  read(limit: string, moment: Moment): Refusals {
    const sum = (window: Window) => {
      const row = this.#cells.amounts.row(keyOf(limit, window))
      return row === undefined ? 0 : new LimitRow(row, window, this.#cells).sum(window.bucketAt(moment))
    }
    return { hour: sum(hour), day: sum(day) }
  }

  /** Whether a row counts nothing any more, whichever window it is for: numbers of hours and days differ. */
  #isFree(row: number, moment: Moment): boolean {
    const sum = (window: Window) => new LimitRow(row, window, this.#cells).sum(window.bucketAt(moment))
    return sum(hour) + sum(day) === 0
  }
}

function keyOf(limit: string, { name }: Window): string {
  return `${limit}\n${name}`
}
