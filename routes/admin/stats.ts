/**
 * `/internal/stats/models`, `/internal/stats/translators` and `/internal/stats/sticky`: counts and outcomes of
 * requests.
 */
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { ModelStatsSchema, modelStatsView } from '../../src/observe/views/model-stats.ts'
import { StickySchema, stickyView } from '../../src/observe/views/sticky.ts'
import { TranslatorStatsSchema, translatorStatsView } from '../../src/observe/views/translators.ts'
import { ignoreBodies } from './any-method.ts'

export interface InternalStatsOptions {
  readonly clock?: Clock
}

export default fp<InternalStatsOptions>(
  function internalStats(app, options, done) {
    const clock = options.clock ?? systemClock
    const method = app.supportedMethods
    const { translatorStats: translators } = app
    ignoreBodies(app)

    app.route<{ Querystring: { include_endpoints?: string; include_summary?: string } }>({
      method,
      url: '/internal/stats/models',
      config: { internalAccess: 'olla' },
      exposeHeadRoute: false,
      schema: { response: { 200: ModelStatsSchema } },
      handler: ({ query }) =>
        modelStatsView({
          models: app.gatewayStats.models(),
          endpoints: app.endpointRegistry.snapshot.endpoints.map(({ slot, name }) => ({
            slot,
            name,
            traffic: app.gatewayStats.endpoint(slot),
          })),
          nowMs: clock.nowMs(),
          includeEndpoints: query.include_endpoints === 'true',
          includeSummary: query.include_summary === 'true',
        }),
    })
    app.route({
      method,
      url: '/internal/stats/translators',
      config: { internalAccess: 'olla' },
      exposeHeadRoute: false,
      schema: { response: { 200: TranslatorStatsSchema } },
      handler: () => translatorStatsView(translators.totals(), app.translationStats.totals(), clock.nowMs()),
    })
    app.route({
      method,
      url: '/internal/stats/sticky',
      config: { internalAccess: 'olla' },
      exposeHeadRoute: false,
      schema: { response: { 200: StickySchema } },
      handler: () => stickyView(app.sessionAffinity, app.endpointRegistry.snapshot.endpoints),
    })
    done()
  },
  {
    name: 'gateway-routes-internal-stats',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      'gateway-endpoint-registry',
      'gateway-internal-access',
      'gateway-stats',
      'gateway-session-affinity',
    ],
  },
)
