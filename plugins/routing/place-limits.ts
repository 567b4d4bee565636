/**
 * Provides what a serving thread may use of `max_concurrent` as one replica of several. Decorates `placeLimits`; depends
 * on the shared cells, needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { readSections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { PlaceLimits, placeCells } from '../../src/routing/selection/place-limits.ts'

export interface PlaceLimitsOptions {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    placeLimits?: PlaceLimits
  }
}

export default fp<PlaceLimitsOptions>(
  async function placeLimits(app, options) {
    readSections(options, [], ['clock'])
    const cells = app.gatewayState.of(placeCells)
    app.decorate('placeLimits', new PlaceLimits(options.clock ?? systemClock, cells))
  },
  { name: 'gateway-place-limits', fastify: '5.x', dependencies: ['gateway-state'] },
)
