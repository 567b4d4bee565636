/**
 * Finds the amounts of limits that outlive the process; the control thread registers it, for the ledger to save them.
 * Decorates `callerAmounts`; depends on the directory of callers and the shared cells. Needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import type { CallerAmounts } from '../../src/callers/limits/contract.ts'
import { callerLimitCells } from '../../src/callers/limits/limit-cells.ts'
import { LimitWindows } from '../../src/callers/limits/limit-plan.ts'
import { SavedAmounts } from '../../src/callers/limits/saved-amounts.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

/** Reads `callers.time_zone`. */
export interface CallerAmountsOptions extends Sections<'callers'> {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    callerAmounts: CallerAmounts
  }
}

export default fp<CallerAmountsOptions>(
  async function callerAmounts(app, options) {
    const { callers } = readSections(options, ['callers'], ['clock'])
    const clock = options.clock ?? systemClock
    const { directory } = app.callers
    const amounts = new SavedAmounts({
      cells: app.gatewayState.of(callerLimitCells),
      windows: new LimitWindows(callers.timeZone),
      now: () => ({ wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }),
      content: () => directory.content(),
    })
    directory.onChange(() => amounts.forget())
    app.decorate('callerAmounts', amounts)
  },
  { name: 'gateway-caller-amounts', fastify: '5.x', dependencies: ['gateway-callers', 'gateway-state'] },
)
