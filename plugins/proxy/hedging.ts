/**
 * Second attempts of late requests. Decorates `hedging`, which the proxy engine, the metrics, the status and explanations
 * use; depends on the shared cells and the statistics. Uses if present: `configVersions`, `engineSignals`. While it is
 * off, nothing is learned and the cells for it do not exist.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type DeadlineEntry, DeadlineSweep } from '../../src/endpoints/resilience/deadline-sweep.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { FirstContentTimes } from '../../src/proxy/hedging/first-content-times.ts'
import { HedgeBudget } from '../../src/proxy/hedging/hedge-budget.ts'
import { firstContentCells, hedgeCells } from '../../src/proxy/hedging/hedge-cells.ts'
import { Hedging, type HedgingOptions } from '../../src/proxy/hedging/hedging.ts'
import { HedgingInUse } from '../../src/proxy/hedging/hedging-in-use.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'

export interface HedgingPluginOptions extends Sections<'proxy'> {
  readonly clock?: Clock
}

/** How much later than due a second attempt may begin. */
const resolutionMs = 20

declare module 'fastify' {
  interface FastifyInstance {
    hedging: HedgingInUse
  }
}

export default fp<HedgingPluginOptions>(
  async function hedging(app, options) {
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    const { proxy } = readSections(options, ['proxy'], ['clock'])
    const { engineSignals, gatewayState: state, gatewayStats } = app
    const { budget, counts } = state.of(hedgeCells)
    const pending = new DeadlineSweep<DeadlineEntry>(options.clock ?? systemClock, resolutionMs)
    const create = (section: HedgingOptions) =>
      new Hedging(
        {
          pending,
          times: new FirstContentTimes(state.of(firstContentCells).times),
          budget: new HedgeBudget(budget, section),
          counts,
          modelRow: (model) => gatewayStats.modelRow(model),
          others: (slot) => engineSignals?.others(slot) ?? Number.NaN,
        },
        section,
      )
    const inUse = new HedgingInUse(create, counts)
    inUse.prepare(proxy.hedging)()
    app.decorate('hedging', inUse)
    app.addHook('onClose', function stop(_app, closed) {
      pending.stop()
      closed()
    })
    followSections(versions, ['proxy'], (next) => inUse.prepare(next.proxy.hedging))
  },
  { name: 'gateway-hedging', fastify: '5.x', dependencies: ['gateway-state', 'gateway-stats'] },
)
