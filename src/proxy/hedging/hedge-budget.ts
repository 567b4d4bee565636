/** Cost of a hedge in the units of the cell. */
const hedgeUnits = 10_000

export interface HedgeBudgetOptions {
  /** Hedges that each request adds. */
  readonly share: number
  /** Maximum number of hedges in the budget. */
  readonly burst: number
}

/** A token bucket that all threads share. It starts empty. */
export class HedgeBudget {
  readonly #cells: Int32Array
  #options: HedgeBudgetOptions

  /** @param cells one cell of shared memory */
  constructor(cells: Int32Array, options: HedgeBudgetOptions) {
    this.#cells = cells
    this.#options = options
  }

  use(options: HedgeBudgetOptions): void {
    this.#options = options
  }

  /** Hedges available now. */
  get available(): number {
    return Math.floor(Atomics.load(this.#cells, 0) / hedgeUnits)
  }

  requestStarted(): void {
    const { share, burst } = this.#options
    const maxUnits = burst * hedgeUnits
    // Usually it is full.
    if (Atomics.load(this.#cells, 0) === maxUnits) return
    this.#change((units) => Math.min(maxUnits, units + Math.round(share * hedgeUnits)))
  }

  /** @returns false if the budget is exhausted */
  spend(): boolean {
    return this.#change((units) => (units < hedgeUnits ? undefined : units - hedgeUnits))
  }

  /** @returns false if `next` refuses the change */
  #change(next: (units: number) => number | undefined): boolean {
    for (;;) {
      const units = Atomics.load(this.#cells, 0)
      const changed = next(units)
      if (changed === undefined) return false
      if (Atomics.compareExchange(this.#cells, 0, units, changed) === units) return true
    }
  }
}
