/**
 * Decides which endpoints may serve a request. Decorates `modelRouter`; depends on the
 * registry, the model catalogue and the directory.
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
    const router = new ModelRouter(
      {
        registry: app.endpointRegistry,
        catalog: app.modelCatalog,
        directory: app.modelDirectory,
        aliases: app.modelAliases,
      },
      {
        strategy: options.strategy ?? 'strict',
        fallback: options.fallback ?? 'compatible_only',
        fallbackModels: options.fallbackModels ?? {},
        filter: options.filter ?? { include: [], exclude: [] },
        refreshOnMiss: options.refreshOnMiss ?? false,
      },
    )
    app.decorate('modelRouter', router)
    done()
  },
  {
    name: 'gateway-model-routing',
    fastify: '5.x',
    dependencies: ['gateway-endpoint-registry', 'gateway-model-discovery', 'gateway-model-directory'],
  },
)
