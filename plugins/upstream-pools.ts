/**
 * Connections to endpoints. Decorates `upstreamPools`: one undici pool per endpoint, opened on first use and
 * closed after idling. On close all connections end.
 */
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../src/clock.ts'
import { UpstreamPools, type UpstreamPoolsOptions } from '../src/upstream/pools.ts'

export interface UpstreamPoolsPluginOptions extends UpstreamPoolsOptions {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    upstreamPools: UpstreamPools
  }
}

export default fp<UpstreamPoolsPluginOptions>(
  function upstreamPools(app, options, done) {
    const pools = new UpstreamPools(options.clock ?? systemClock, options)
    app.decorate('upstreamPools', pools)
    app.addHook('onClose', () => pools.close())
    done()
  },
  { name: 'gateway-upstream-pools', fastify: '5.x' },
)
