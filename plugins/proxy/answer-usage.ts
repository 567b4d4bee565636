/**
 * Reads token counts and timings from answers as they pass. Decorates `usageObserver`, which the proxy engine uses;
 * depends on the shared cells and the statistics. Without it, only the host reads answers. Needs no cleanup on close.
 */

import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import type { ObserveAnswer } from '../../src/proxy/contract/answer-observer.ts'
import { createAnswerObserver } from '../../src/proxy/usage/answer-observer.ts'
import { gapCells } from '../../src/proxy/usage/gap-cells.ts'

export interface AnswerUsageOptions {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Reads the answers of endpoints for the gateway. */
    usageObserver?: ObserveAnswer
  }
}

export default fp<AnswerUsageOptions>(
  function answerUsage(app, options, done) {
    const observer = createAnswerObserver({
      clock: options.clock ?? systemClock,
      cells: app.gatewayState.of(gapCells),
      modelRow: (model) => app.gatewayStats.modelRow(model),
    })
    app.decorate('usageObserver', observer)
    done()
  },
  { name: 'gateway-answer-usage', fastify: '5.x', dependencies: ['gateway-state', 'gateway-stats'] },
)
