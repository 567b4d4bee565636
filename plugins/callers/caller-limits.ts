/**
 * Enforces the limits of keys, owners and teams, and counts what requests use. Decorates `callerMeter`; depends on the
 * directory of callers, the shared cells and the event bus. Uses if present: `callerLedger`, `clusterState`,
 * `configVersions`, `gatewayPeers`. Stops its timer on close.
 */
import fp from 'fastify-plugin'
import { isKnown } from '../../src/callers/directory/known-caller.ts'
import { CallerLimiter } from '../../src/callers/limits/caller-limiter.ts'
import { Estimates } from '../../src/callers/limits/estimates.ts'
import { callerLimitCells } from '../../src/callers/limits/limit-cells.ts'
import { SharedLimits } from '../../src/callers/limits/shared-limits.ts'
import { serverClock } from '../../src/callers/limits/window.ts'
import { PriceTable } from '../../src/callers/prices/price-table.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { loadTokenizer } from '../../src/dialects/translate/messages-to-chat/tokens/token-estimate.ts'
import { type Clock, systemClock, type Timer } from '../../src/kernel/clock.ts'
import type { CallerMeter } from '../../src/proxy/contract/caller-meter.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'

/** Reads `callers.prices` and `callers.time_zone`, and `translators.anthropic.tokenizer` for estimates. */
export interface CallerLimitsOptions extends Sections<'callers' | 'translators'> {
  readonly clock?: Clock
}

/** How often rows of callers without requests are given back. */
const rowsMs = 60_000

export default fp<CallerLimitsOptions>(
  async function callerLimits(app, options) {
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    const { callers, translators } = readSections(options, ['callers', 'translators'], ['clock'])
    const ownClock = options.clock ?? systemClock
    const clock = app.clusterState === undefined ? ownClock : serverClock(ownClock, app.clusterState)
    const cells = app.gatewayState.of(callerLimitCells)
    const prices = new PriceTable(callers.prices)
    followSections(versions, ['callers'], (next) => prices.prepare(next.callers.prices))
    const limiter = new CallerLimiter({
      clock,
      cells,
      estimates: new Estimates(await loadTokenizer(translators.anthropic.tokenizer)),
      prices,
      zone: callers.timeZone,
      keepsTotals: app.clusterState !== undefined,
      onWarning(warning) {
        const { isBudget, ...event } = warning
        const { kind, id } = event
        const name = (kind === 'key' ? app.callers.directory.nameOf(id) : undefined) ?? id
        app.gatewayEvents.publish(isBudget ? 'callers.budget' : 'callers.limit', { ...event, name })
      },
    })
    let timer: Timer | undefined
    function schedule(): void {
      timer = clock.after(rowsMs, () => {
        limiter.giveBackRows()
        schedule()
      })
    }
    schedule()
    app.addHook('onClose', async () => timer?.cancel())
    const ledger = app.callerLedger
    const shared =
      app.clusterState === undefined || !app.hasDecorator('gatewayPeers')
        ? undefined
        : new SharedLimits({
            clock,
            link: app.gatewayPeers,
            state: app.clusterState,
            slotsInUse: (row) => cells.slots.value(row),
          })
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
        shared?.settle(context, use)
        ledger?.add(context, record, use)
      },
      release(context) {
        shared?.settle(context, undefined)
        limiter.release(context)
      },
      ...(shared === undefined ? {} : { confirm: confirmed(shared, limiter) }),
    })
  },
  {
    name: 'gateway-caller-limits',
    fastify: '5.x',
    dependencies: ['gateway-callers', 'gateway-state', 'gateway-events'],
  },
)

/** What is refused for all replicas is released on this one. */
function confirmed(shared: SharedLimits, limiter: CallerLimiter): NonNullable<CallerMeter['confirm']> {
  return (context) => {
    try {
      return shared.confirm(context)?.then((refusal) => {
        if (refusal !== undefined) limiter.release(context)
        return refusal
      })
    } catch (error) {
      limiter.release(context)
      throw error
    }
  }
}
