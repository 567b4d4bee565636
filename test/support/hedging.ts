import type { TestContext } from 'node:test'
import type { Endpoint } from '../../src/endpoints/registry/endpoint.ts'
import { type DeadlineEntry, DeadlineSweep } from '../../src/endpoints/resilience/deadline-sweep.ts'
import type { ExchangeRequest } from '../../src/proxy/contract/exchange-request.ts'
import type { ExchangeServices } from '../../src/proxy/exchange/exchange-services.ts'
import { FirstContentTimes } from '../../src/proxy/hedging/first-content-times.ts'
import { HedgeBudget } from '../../src/proxy/hedging/hedge-budget.ts'
import { firstContentCells, hedgeCells, readHedges } from '../../src/proxy/hedging/hedge-cells.ts'
import { Hedging } from '../../src/proxy/hedging/hedging.ts'
import { SharedState } from '../../src/runtime/cells/shared-state.ts'
import { createExchanges, routed, strictRouting } from './exchange.ts'

/** When the second attempts of these exchanges begin; milliseconds. The percentile is exact within 5 %. */
export const hedgeDelayMs = 1_050

/** Exchanges whose requests get a second attempt: as `createExchanges`, with a model that takes one second. */
export function createHedged(
  t: TestContext,
  settings: readonly Partial<Endpoint>[],
  over: {
    readonly services?: Partial<Pick<ExchangeServices, 'hedging' | 'budget'>>
    readonly budget?: number
    readonly others?: (slot: number) => number
    readonly isWarm?: readonly (boolean | undefined)[]
  } = {},
) {
  const exchanges = createExchanges(t, settings)
  const state = new SharedState()
  const { budget, counts } = state.of(hedgeCells)
  const times = new FirstContentTimes(state.of(firstContentCells).times)
  for (let sample = 0; sample < 10; sample++) times.record(0, 1_000)
  const options = { share: 1, burst: 10, minSamples: 10 }
  const hedges = new HedgeBudget(budget, options)
  for (let request = 1; request < (over.budget ?? 10); request++) hedges.requestStarted()
  const pending = new DeadlineSweep<DeadlineEntry>(exchanges.clock, 20)
  t.after(() => pending.stop())
  const hedging = new Hedging(
    { pending, times, counts, budget: hedges, modelRow: () => 0, others: over.others ?? (() => Number.NaN) },
    options,
  )
  if (over.budget === 0) hedges.use({ share: 0, burst: 10 })
  /** Of each attempt that was sent: how often its connection was closed. */
  const aborts: number[] = []
  const services = {
    ...exchanges.services,
    transport: {
      send(attempt, request) {
        const at = exchanges.sent.push({ attempt, request }) - 1
        aborts[at] = 0
        attempt.onConnect(() => {
          aborts[at] = (aborts[at] ?? 0) + 1
        })
      },
    },
    hedging,
    ...over.services,
  } satisfies ExchangeServices
  const candidates = exchanges.candidates.map(({ endpoint }, slot) => ({
    ...routed(endpoint),
    isWarm: over.isWarm === undefined ? true : over.isWarm[slot],
  }))
  const begin = (request: Partial<ExchangeRequest> = {}) =>
    exchanges.begin(
      {
        inspection: { isStream: true, isStreamOff: false, keys: undefined },
        routing: strictRouting(candidates),
        ...request,
      },
      services,
    )
  const inFlight = () => candidates.map(({ endpoint: { slot } }) => exchanges.cells.inFlight.value(slot))
  return {
    ...exchanges,
    stats: exchanges.services.stats,
    candidates,
    aborts,
    begin,
    services,
    times,
    inFlight,
    totals: () => readHedges(counts),
  }
}
