import type { Clock } from '../../kernel/clock.ts'

export interface EndpointRowsOptions {
  /** Rows of the shared cells. */
  readonly capacity: number
  readonly clock: Pick<Clock, 'monotonicMs'>
  /** Clears the cells of a row before another endpoint gets it. */
  readonly clear: (row: number) => void
}

interface Row {
  name: string
  /** Monotonic milliseconds since when no endpoint uses the row; undefined while one does. */
  leftAtMs: number | undefined
}

/** How long the row of a removed endpoint is kept for its return, unless rows are scarce. */
const keptMs = 3_600_000

/** There are more endpoints than rows. */
export class NoRowError extends Error {
  override readonly name = 'NoRowError'
}

/**
 * Assigns rows of the shared cells to endpoints by name. The row of a removed endpoint is kept for a while, so that its
 * statistics continue if it returns. Only the control thread assigns.
 */
export class EndpointRows {
  readonly #options: EndpointRowsOptions
  readonly #rows: (Row | undefined)[]

  /** @param names endpoints of the start, by row */
  constructor(names: readonly string[], options: EndpointRowsOptions) {
    this.#options = options
    this.#rows = names.map((name) => ({ name, leftAtMs: undefined }))
  }

  /**
   * Finds rows for endpoints; those that no longer exist keep theirs until `settle`.
   * @returns rows in the order of the names
   * @throws NoRowError if there are too few; then nothing has changed
   */
  assign(names: readonly string[]): number[] {
    const { capacity } = this.#options
    const used = new Set<number>()
    const found = names.map((name) => {
      const row = this.#rows.findIndex((each, at) => each?.name === name && !used.has(at))
      if (row >= 0) used.add(row)
      return row
    })
    const free = this.#freeRows(used)
    const missing = found.filter((row) => row < 0).length
    if (missing > free.length) {
      throw new NoRowError(
        `there is room for ${capacity} endpoints at a time, including removed ones with requests in flight; raise discovery.spare_endpoints and restart`,
      )
    }
    return names.map((name, at) => {
      const kept = found[at] ?? -1
      const row = kept >= 0 ? kept : (free.shift() ?? 0)
      this.#take(row, name, kept >= 0)
      return row
    })
  }

  /** Rows that are not in the list have no endpoint from now on. */
  settle(used: readonly number[]): void {
    const nowMs = this.#options.clock.monotonicMs()
    for (const [row, known] of this.#rows.entries()) {
      if (known !== undefined && known.leftAtMs === undefined && !used.includes(row)) known.leftAtMs = nowMs
    }
  }

  #take(row: number, name: string, isSame: boolean): void {
    const known = this.#rows[row]
    const isStale =
      known?.leftAtMs !== undefined && this.#options.clock.monotonicMs() - known.leftAtMs > keptMs
    if (!isSame || isStale) this.#options.clear(row)
    this.#rows[row] = { name, leftAtMs: undefined }
  }

  /** Rows that were never used, then those without an endpoint, the one left longest ago first. */
  #freeRows(used: ReadonlySet<number>): number[] {
    const { capacity } = this.#options
    const unused: number[] = []
    const left: { row: number; leftAtMs: number }[] = []
    for (let row = 0; row < capacity; row++) {
      const known = this.#rows[row]
      if (known === undefined) unused.push(row)
      else if (known.leftAtMs !== undefined && !used.has(row)) left.push({ row, leftAtMs: known.leftAtMs })
    }
    return [...unused, ...left.sort((a, b) => a.leftAtMs - b.leftAtMs).map(({ row }) => row)]
  }
}
