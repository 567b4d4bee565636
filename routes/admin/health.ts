/**
 * `/internal/health`: the process is alive. `/internal/ready`: the gateway would send a request to an endpoint that may
 * answer it; 503 until discovery has asked each such endpoint for its models once, and from the start of a drain. Uses if
 * present: `callers`.
 */
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { HealthSchema, ReadySchema, readyView } from '../../src/observe/views/health.ts'
import { ListingProgress } from '../../src/routing/models/listing-progress.ts'
import { ignoreBodies } from './any-method.ts'

const alive = { status: 'healthy' } as const

export interface InternalHealthOptions {
  readonly clock?: Clock
}

export default fp<InternalHealthOptions>(
  function internalHealth(app, options, done) {
    const method = app.supportedMethods
    ignoreBodies(app)
    const listing = new ListingProgress(
      {
        clock: options.clock ?? systemClock,
        registry: app.endpointRegistry,
        catalog: app.modelCatalog,
        discovery: app.modelDiscovery,
      },
      app.gatewayPeers.threads,
    )

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
        const { endpointRegistry: registry, endpointLoad: load, gatewayLifecycle } = app
        const { endpoints } = registry.snapshot
        const routable = registry.routableCount()
        // An endpoint whose probes fail is a last resort for requests: it counts if it has worked before.
        const able = endpoints.filter(
          ({ slot }) =>
            registry.isRoutable(slot) ||
            (registry.mayAnswer(slot) &&
              (registry.outageMs(slot) !== undefined || app.modelCatalog.snapshot.byEndpoint.has(slot))),
        )
        const view = readyView({
          draining: gatewayLifecycle.draining,
          routable,
          able: able.length,
          total: endpoints.length,
          isListed: listing.isDone,
          knowsCallers: !app.hasDecorator('callers') || app.callers.isLoaded(),
          isPausing: able.every((endpoint) => !load.wouldAccept(endpoint)),
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
      'gateway-internal-access',
      'gateway-endpoint-registry',
      'gateway-endpoint-selector',
      'gateway-model-discovery',
      'gateway-lifecycle',
    ],
  },
)
