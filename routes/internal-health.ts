/**
 * `/internal/health`: the process lives. `/internal/ready`: requests may be sent here; 503 until each routable endpoint
 * was asked for its models once, while no endpoint is routable or all of them have asked for a pause, and from the
 * beginning of a drain on.
 */
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../src/clock.ts'
import { ListingProgress } from '../src/model/listing-progress.ts'
import { HealthSchema, ReadySchema, readyView } from '../src/stats/views/health.ts'
import { ignoreBodies } from './support/any-method.ts'

const alive = { status: 'healthy' } as const

export interface InternalHealthOptions {
  readonly clock?: Clock
}

export default fp<InternalHealthOptions>(
  function internalHealth(app, options, done) {
    const method = app.supportedMethods
    ignoreBodies(app)
    const listing = new ListingProgress({
      clock: options.clock ?? systemClock,
      registry: app.endpointRegistry,
      catalog: app.modelCatalog,
      discovery: app.modelDiscovery,
      threads: app.gatewayPeers.threads,
    })

    app.route({
      method,
      url: '/internal/health',
      exposeHeadRoute: false,
      config: { internalAccess: 'open', isUnlimited: true },
      schema: { response: { 200: HealthSchema } },
      handler: () => alive,
    })
    app.route({
      method,
      url: '/internal/ready',
      exposeHeadRoute: false,
      config: { internalAccess: 'open', isUnlimited: true },
      schema: { response: { 200: ReadySchema, 503: ReadySchema } },
      handler: (_request, reply) => {
        const { endpointRegistry, endpointLoad: load, gatewayLifecycle } = app
        const { endpoints } = endpointRegistry.snapshot
        const routable = endpoints.filter(({ slot }) => endpointRegistry.isRoutable(slot))
        const view = readyView({
          draining: gatewayLifecycle.draining,
          routable: routable.length,
          total: endpoints.length,
          isListed: listing.isDone,
          isPausing: routable.every(
            (endpoint) =>
              !load.admits({ endpoint }) && !load.isFull({ endpoint }) && !load.isLastResort({ endpoint }),
          ),
        })
        reply.header('Cache-Control', 'no-store').code(view.status === 'ready' ? 200 : 503)
        return reply.send(view)
      },
    })
    done()
  },
  {
    name: 'gateway-routes-internal-health',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      'gateway-peers',
      'gateway-endpoint-registry',
      'gateway-endpoint-selector',
      'gateway-model-discovery',
      'gateway-lifecycle',
    ],
  },
)
