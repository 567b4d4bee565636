/**
 * Reads the amounts of limits: those that outlive the process, for the ledger to save them, and all for operators. The
 * control thread registers it. Decorates `callerAmounts`; depends on the directory of callers, the shared cells and the
 * link to the other threads. Uses if present: `cluster`. Needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { limitsOperations } from '../../src/callers/admin/limits-operations.ts'
import { serveOperations } from '../../src/callers/admin/operations.ts'
import type { CallerAmounts } from '../../src/callers/limits/contract.ts'
import { callerLimitCells } from '../../src/callers/limits/limit-cells.ts'
import { LimitWindows } from '../../src/callers/limits/limit-plan.ts'
import { type LimitStateServices, LimitStates } from '../../src/callers/limits/limit-states.ts'
import { SavedAmounts } from '../../src/callers/limits/saved-amounts.ts'
import { serverClock } from '../../src/callers/limits/window.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

/** Reads `callers.time_zone`. */
export interface CallerAmountsOptions extends Sections<'callers'> {
  readonly clock?: Clock
  /** Asks what all replicas of a cluster use of limits. */
  readonly shared?: LimitStateServices['shared']
}

declare module 'fastify' {
  interface FastifyInstance {
    callerAmounts: CallerAmounts
  }
}

export default fp<CallerAmountsOptions>(
  async function callerAmounts(app, options) {
    const { callers } = readSections(options, ['callers'], ['clock', 'shared'])
    const ownClock = options.clock ?? systemClock
    const clock = app.hasDecorator('cluster') ? serverClock(ownClock, app.cluster) : ownClock
    const { directory } = app.callers
    const services = {
      cells: app.gatewayState.of(callerLimitCells),
      windows: new LimitWindows(callers.timeZone),
      now: () => ({ wallMs: clock.nowMs(), monotonicMs: clock.monotonicMs() }),
      content: () => directory.content(),
    }
    const amounts = new SavedAmounts(services)
    const states = new LimitStates({ ...services, shared: options.shared })
    serveOperations(app.gatewayPeers, limitsOperations(states))
    directory.onChange(() => amounts.forget())
    app.decorate('callerAmounts', amounts)
  },
  {
    name: 'gateway-caller-amounts',
    fastify: '5.x',
    dependencies: ['gateway-callers', 'gateway-peers', 'gateway-state'],
  },
)
