/**
 * Holds the gateway's counters. Decorates `gatewayStats`, `translatorStats` and `translationStats`; depends on the shared cells and, for
 * the names of models, on the catalogue. Needs no cleanup on close.
 */

import fp from 'fastify-plugin'
import { GatewayStats } from '../../src/observe/stats/gateway-stats.ts'
import { readStatsCells } from '../../src/observe/stats/stats-cells.ts'
import { TranslationStats, translationCells } from '../../src/observe/stats/translation-stats.ts'
import { TranslatorStats, translatorCells } from '../../src/observe/stats/translator-stats.ts'

declare module 'fastify' {
  interface FastifyInstance {
    gatewayStats: GatewayStats
    /** Of the Anthropic API. */
    translatorStats: TranslatorStats
    /** Of all APIs. */
    translationStats: TranslationStats
  }
}

export default fp(
  function gatewayStats(app, _options, done) {
    const knownModel = (name: string) => app.modelCatalog.snapshot.find(name)[0]?.model.name
    const translations = new TranslationStats(app.gatewayState.of(translationCells).counts)
    app.decorate('translationStats', translations)
    app.decorate('gatewayStats', new GatewayStats(readStatsCells(app.gatewayState), knownModel, translations))
    app.decorate('translatorStats', new TranslatorStats(app.gatewayState.of(translatorCells).counts))
    done()
  },
  { name: 'gateway-stats', fastify: '5.x', dependencies: ['gateway-state', 'gateway-model-discovery'] },
)
