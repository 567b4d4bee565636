/**
 * Decides which endpoints may serve a request. Decorates `modelRouter`; `pathKnowledge`, which records the API paths
 * that endpoints have or lack; and `modelLookup`, which refreshes model lists for unknown models. Depends on the
 * registry, the profiles, the model catalogue and the directory. A thread shares what it learns about paths with the
 * others. Uses if present: `configVersions`.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections, type SectionsRead } from '../../src/config/options/sections.ts'
import { isSameServer } from '../../src/endpoints/registry/next-endpoints.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { isRoutable } from '../../src/kernel/endpoint-status.ts'
import { ModelLookup } from '../../src/routing/models/model-lookup.ts'
import { type PathFact, PathKnowledge } from '../../src/routing/models/path-knowledge.ts'
import { ModelRouter, type ModelRouterOptions } from '../../src/routing/models/router.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'
import type { Topic } from '../../src/runtime/links/peer-link.ts'

export interface ModelRoutingOptions
  extends Sections<'model_registry' | 'model_fallbacks' | 'model_filter' | 'discovery'> {
  readonly clock?: Clock
}

const routingSections = ['model_registry', 'model_fallbacks', 'model_filter', 'discovery'] as const

/** A thread has learned of a path. */
const learnedPath: Topic<PathFact> = 'paths.learned'

declare module 'fastify' {
  interface FastifyInstance {
    modelRouter: ModelRouter
    pathKnowledge: PathKnowledge
    modelLookup: ModelLookup
  }
}

export default fp<ModelRoutingOptions>(
  async function modelRouting(app, options) {
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    const sections = readSections(options, routingSections, ['clock'])
    const paths = new PathKnowledge({
      clock: options.clock ?? systemClock,
      fallbackPaths: () => app.backendProfiles.get('openai-compatible')?.paths ?? [],
      versionOf: (slot) => app.modelCatalog.snapshot.byEndpoint.get(slot)?.serverVersion,
      countModels: (slot) => app.modelCatalog.snapshot.byEndpoint.get(slot)?.models.length ?? 0,
    })
    app.decorate('pathKnowledge', paths)
    app.decorate(
      'modelLookup',
      new ModelLookup({
        clock: options.clock ?? systemClock,
        registry: app.endpointRegistry,
        catalog: app.modelCatalog,
        discovery: app.modelDiscovery,
      }),
    )
    paths.onLearned((fact) => app.gatewayPeers.broadcast(learnedPath, fact))
    const deaf = app.gatewayPeers.on(learnedPath, (fact) => paths.take(fact))
    // An endpoint that was offline, or changed its backend type, may be another server.
    const subscription = app.gatewayEvents.subscribe(
      (event) => {
        if (event.type !== 'endpoint.status' && event.type !== 'endpoint.detected') return
        const isSame =
          event.type === 'endpoint.status' && isRoutable(event.data.to) === isRoutable(event.data.from)
        if (isSame) return
        const slot = app.endpointRegistry.snapshot.byName.get(event.data.endpoint)?.slot
        if (slot !== undefined) paths.forget(slot)
      },
      { types: ['endpoint.status', 'endpoint.detected'], capacity: 1_000 },
    )
    app.endpointRegistry.follow({
      present(endpoint, before) {
        if (before === undefined || !isSameServer(before, endpoint)) paths.forget(endpoint.slot)
      },
      gone: ({ slot }) => paths.forget(slot),
    })
    app.addHook('onClose', function stop(_app, closed) {
      subscription.close()
      deaf()
      paths.close()
      closed()
    })
    const router = new ModelRouter(
      {
        registry: app.endpointRegistry,
        catalog: app.modelCatalog,
        directory: app.modelDirectory,
        aliases: app.modelAliases,
        paths,
      },
      routerOptions(sections),
    )
    app.decorate('modelRouter', router)
    followSections(versions, routingSections, (next) => () => router.configure(routerOptions(next)))
  },
  {
    name: 'gateway-model-routing',
    fastify: '5.x',
    dependencies: [
      'gateway-peers',
      'gateway-events',
      'gateway-backend-profiles',
      'gateway-endpoint-registry',
      'gateway-model-discovery',
      'gateway-model-directory',
    ],
  },
)

function routerOptions({
  modelRegistry,
  modelFallbacks,
  modelFilter,
  discovery,
}: SectionsRead<(typeof routingSections)[number]>): ModelRouterOptions {
  const { type: strategy, options: routing } = modelRegistry.routingStrategy
  return {
    strategy,
    fallback: routing.fallbackBehavior,
    fallbackModels: modelFallbacks,
    filter: modelFilter,
    refreshOnMiss: routing.discoveryRefreshOnMiss,
    discovers: discovery.modelDiscovery.enabled,
  }
}
