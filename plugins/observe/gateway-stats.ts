/**
 * Holds the gateway's counters. Decorates `gatewayStats` and `translatorStats`; depends on the shared cells and, for
 * the names of models, on the catalogue. Needs no cleanup on close.
 */

import fp from 'fastify-plugin'
import { GatewayStats } from '../../src/observe/stats/gateway-stats.ts'
import { readStatsCells } from '../../src/observe/stats/stats-cells.ts'
import { TranslatorStats, translatorCells } from '../../src/observe/stats/translator-stats.ts'

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
    app.decorate('gatewayStats', new GatewayStats(readStatsCells(app.gatewayState), knownModel))
    app.decorate('translatorStats', new TranslatorStats(app.gatewayState.of(translatorCells).counts))
    done()
  },
  { name: 'gateway-stats', fastify: '5.x', dependencies: ['gateway-state', 'gateway-model-discovery'] },
)
