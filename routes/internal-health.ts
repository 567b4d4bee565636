/**
 * `/internal/health`: the process lives. `/internal/ready`: requests may be sent here; 503 while none of the
 * endpoints is routable, and from the beginning of a drain on.
 */
import fp from 'fastify-plugin'
import { HealthSchema, ReadySchema, readyView } from '../src/stats/views/health.ts'
import { ignoreBodies } from './support/any-method.ts'

const alive = { status: 'healthy' } as const

export default fp(
  function internalHealth(app, _options, done) {
    const method = app.supportedMethods
    ignoreBodies(app)

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
        const { endpointRegistry, gatewayLifecycle } = app
        const view = readyView({
          draining: gatewayLifecycle.draining,
          routable: endpointRegistry.routableCount(),
          total: endpointRegistry.snapshot.endpoints.length,
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
    dependencies: ['gateway-endpoint-registry', 'gateway-lifecycle'],
  },
)
