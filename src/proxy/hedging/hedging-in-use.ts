import { type HedgeCounts, type HedgeTotals, readHedges } from './hedge-cells.ts'
import type { Hedging, HedgingOptions } from './hedging.ts'

export interface HedgingSettings extends HedgingOptions {
  readonly enabled: boolean
}

/** The hedging of this thread while the configuration has it on, and what the hedges of all threads have come to. */
export class HedgingInUse {
  readonly #create: (options: HedgingOptions) => Hedging
  readonly #counts: HedgeCounts
  #known: Hedging | undefined
  #current: Hedging | undefined

  /** @param create called when hedging is on for the first time */
  constructor(create: (options: HedgingOptions) => Hedging, counts: HedgeCounts) {
    this.#create = create
    this.#counts = counts
  }

  /** Undefined while hedging is off. */
  get current(): Hedging | undefined {
    return this.#current
  }

  get totals(): HedgeTotals {
    return readHedges(this.#counts)
  }

  /** Prepares other settings. @returns a function that applies them */
  prepare(settings: HedgingSettings): () => void {
    if (settings.enabled) this.#known ??= this.#create(settings)
    return () => {
      this.#known?.use(settings)
      this.#current = settings.enabled ? this.#known : undefined
    }
  }
}
