/**
 * Keeps the catalogue's record of the models that endpoints hold in memory fresh. Decorates nothing; depends on the
 * registry, the catalogue and the connection pools. Polling starts when the app is ready and stops on close; an
 * interval of 0 installs nothing.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { ModelResidency } from '../../src/endpoints/discovery/residency.ts'
import { BoundedQueue } from '../../src/kernel/bounded-queue.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

export interface ModelResidencyOptions extends Sections<'discovery'> {
  readonly clock?: Clock
}

export default fp<ModelResidencyOptions>(
  async function modelResidency(app, options) {
    const intervalMs = readSections(options, ['discovery'], ['clock']).discovery.residencyIntervalMs
    if (intervalMs === 0) {
      return
    }
    const registry = app.endpointRegistry
    const residency = new ModelResidency(
      {
        clock: options.clock ?? systemClock,
        registry,
        catalog: app.modelCatalog,
        fetch: app.upstreamFetch,
        queue: new BoundedQueue({
          concurrency: 5,
          capacity: Math.max(64, app.gatewayState.capacities.endpoints),
        }),
      },
      intervalMs,
    )
    app.addHook('onReady', function start(ready) {
      residency.start()
      ready()
    })
    app.addHook('onClose', function stop(_app, closed) {
      residency.stop()
      closed()
    })
  },
  {
    name: 'gateway-model-residency',
    fastify: '5.x',
    dependencies: [
      'gateway-state',
      'gateway-endpoint-registry',
      'gateway-model-discovery',
      'gateway-upstream-pools',
    ],
  },
)
