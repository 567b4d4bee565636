/**
 * Connections to endpoints. Decorates `upstreamPools`: one undici pool per endpoint, opened on first use and
 * closed after idling; and `shortages`, which knows when this process has nothing left for another connection; and `viaEntry`. On close
 * all connections end.
 */
import fp from 'fastify-plugin'
import { UpstreamPools, type UpstreamPoolsOptions } from '../../src/endpoints/connections/pools.ts'
import { Shortages } from '../../src/endpoints/connections/shortages.ts'
import { viaEntryOf } from '../../src/http/headers/via.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { version } from '../../src/kernel/package.ts'

export interface UpstreamPoolsPluginOptions extends UpstreamPoolsOptions {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    upstreamPools: UpstreamPools
    shortages: Shortages
    /** What the gateway adds to `Via` of all that it sends. */
    viaEntry: string
  }
}

export default fp<UpstreamPoolsPluginOptions>(
  function upstreamPools(app, options, done) {
    const clock = options.clock ?? systemClock
    const pools = new UpstreamPools(clock, options)
    app.decorate('upstreamPools', pools)
    const shortages = new Shortages(clock, () => app.gatewayCells.resources.add(0, column, 1))
    const column = app.gatewayCells.resources.column('shortages')
    // A port that is given up is not free again for a minute.
    shortages.onShortage((resource) => {
      if (resource !== 'local ports') pools.closeIdle()
    })
    app.decorate('shortages', shortages)
    app.decorate('viaEntry', viaEntryOf(version, app.gatewayCells.pseudonym))
    app.addHook('onClose', () => pools.close())
    done()
  },
  { name: 'gateway-upstream-pools', fastify: '5.x', dependencies: ['gateway-state'] },
)
