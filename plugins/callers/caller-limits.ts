/**
 * Enforces the limits of keys, owners and teams, and counts what requests use. Decorates `callerMeter`; depends on the
 * directory of callers, the shared cells and the event bus. Uses if present: `callerLedger`. Needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { isKnown } from '../../src/callers/directory/known-caller.ts'
import { CallerLimiter } from '../../src/callers/limits/caller-limiter.ts'
import { Estimates } from '../../src/callers/limits/estimates.ts'
import { callerLimitCells } from '../../src/callers/limits/limit-cells.ts'
import { PriceTable } from '../../src/callers/prices/price-table.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { loadTokenizer } from '../../src/dialects/translate/messages-to-chat/tokens/token-estimate.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

/** Reads `callers.prices` and `callers.time_zone`, and `translators.anthropic.tokenizer` for estimates. */
export interface CallerLimitsOptions extends Sections<'callers' | 'translators'> {
  readonly clock?: Clock
}

export default fp<CallerLimitsOptions>(
  async function callerLimits(app, options) {
    const { callers, translators } = readSections(options, ['callers', 'translators'], ['clock'])
    const limiter = new CallerLimiter({
      clock: options.clock ?? systemClock,
      cells: app.gatewayState.of(callerLimitCells),
      estimates: new Estimates(await loadTokenizer(translators.anthropic.tokenizer)),
      prices: new PriceTable(callers.prices),
      zone: callers.timeZone,
      onWarning: (warning) => app.gatewayEvents.publish('callers.budget', warning),
    })
    const ledger = app.callerLedger
    app.decorate('callerMeter', {
      reserve(context, request) {
        const { identity } = context
        if (identity !== undefined && isKnown(identity)) limiter.reserve(context, identity, request)
      },
      check(context, model) {
        const { identity } = context
        if (identity !== undefined && isKnown(identity)) limiter.check(context, identity, model)
      },
      settle(context, record) {
        const use = limiter.settle(context, record)
        ledger?.add(context, record, use)
      },
      release: (context) => limiter.release(context),
    })
  },
  {
    name: 'gateway-caller-limits',
    fastify: '5.x',
    dependencies: ['gateway-callers', 'gateway-state', 'gateway-events'],
  },
)
