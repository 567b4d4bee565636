/**
 * What the gateway counts. Decorates `gatewayStats` and `translatorStats`; depends on the shared cells and, for the names of models,
 * on the catalogue. Holds nothing to close.
 */
import fp from 'fastify-plugin'
import { GatewayStats } from '../../src/observe/stats/gateway-stats.ts'
import { TranslatorStats } from '../../src/observe/stats/translator-stats.ts'

declare module 'fastify' {
  interface FastifyInstance {
    gatewayStats: GatewayStats
    /** Of the Anthropic API. */
    translatorStats: TranslatorStats
  }
}

export default fp(
  function gatewayStats(app, _options, done) {
    const knownModel = (name: string) => app.modelCatalog.snapshot.find(name)[0]?.model.name
    app.decorate('gatewayStats', new GatewayStats(app.gatewayCells, knownModel))
    app.decorate('translatorStats', new TranslatorStats(app.gatewayCells.translators))
    done()
  },
  { name: 'gateway-stats', fastify: '5.x', dependencies: ['gateway-state', 'gateway-model-discovery'] },
)
