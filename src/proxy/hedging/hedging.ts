import type { ExchangeRequest } from '../contract/exchange-request.ts'
import type { AttemptLedger } from '../exchange/attempt-ledger.ts'
import type { ArmedHedge, HedgedExchange } from '../exchange/exchange-services.ts'
import type { FirstContentTimes } from './first-content-times.ts'
import { Hedge, type HedgeParts, type HedgeServices } from './hedge.ts'
import type { HedgeBudget, HedgeBudgetOptions } from './hedge-budget.ts'
import { mayHedge } from './may-hedge.ts'

export interface HedgingOptions extends HedgeBudgetOptions {
  /** Number of known times of a model from which its requests are hedged. */
  readonly minSamples: number
}

export interface HedgingParts extends HedgeParts {
  readonly times: FirstContentTimes
  readonly budget: HedgeBudget
  /** The row of a model in the cells. */
  readonly modelRow: (model: string) => number
}

/** When requests for a model get a second attempt, for views. */
export interface HedgeOutlook {
  /** Milliseconds after the first attempt was sent; undefined while too little is known. */
  readonly delayMs: number | undefined
  /** Number of known times to the first content. */
  readonly samples: number
  /** Second attempts that the budget allows now. */
  readonly budget: number
}

/** Gives late requests a second attempt on an idle endpoint. All requests of a thread share one. */
export class Hedging {
  readonly #parts: HedgingParts
  #options: HedgingOptions

  constructor(parts: HedgingParts, options: HedgingOptions) {
    this.#parts = parts
    this.#options = options
  }

  /** Changes what later requests use. */
  use(options: HedgingOptions): void {
    this.#options = options
    this.#parts.budget.use(options)
    this.#parts.times.forgetPercentiles()
  }

  /**
   * The first attempt of a request was sent.
   * @returns undefined if the request never gets a second attempt
   */
  arm(
    services: HedgeServices,
    request: ExchangeRequest,
    ledger: AttemptLedger,
    exchange: HedgedExchange,
  ): ArmedHedge | undefined {
    const { context } = request
    const { model } = context
    if (model === undefined || context.endpoint !== undefined || !mayHedge(request)) return undefined
    const { times, budget, modelRow } = this.#parts
    budget.requestStarted()
    const row = modelRow(model)
    const delayMs = times.p95Ms(row, this.#options.minSamples)
    return new Hedge(services, this.#parts, request, ledger, exchange, row, delayMs)
  }

  outlook(model: string): HedgeOutlook {
    const { times, budget, modelRow } = this.#parts
    const row = modelRow(model)
    return {
      delayMs: times.p95Ms(row, this.#options.minSamples),
      samples: Math.floor(times.samples(row)),
      budget: budget.available,
    }
  }
}
