/**
 * Decides which endpoints may serve a request. Decorates `modelRouter`; depends on the registry and the model
 * catalogue.
 */
import fp from 'fastify-plugin'
import { ModelRouter, type ModelRouterOptions } from '../src/model/router.ts'

export type ModelRoutingOptions = Partial<ModelRouterOptions>

declare module 'fastify' {
  interface FastifyInstance {
    modelRouter: ModelRouter
  }
}

export default fp<ModelRoutingOptions>(
  function modelRouting(app, options, done) {
    const router = new ModelRouter(app.endpointRegistry, app.modelCatalog, {
      strategy: options.strategy ?? 'strict',
      fallback: options.fallback ?? 'compatible_only',
    })
    app.decorate('modelRouter', router)
    done()
  },
  {
    name: 'gateway-model-routing',
    fastify: '5.x',
    dependencies: ['gateway-endpoint-registry', 'gateway-model-discovery'],
  },
)
