/**
 * Reads what answers tell of tokens and times while they pass. Decorates `answerObserver`, which the proxy engine
 * uses, beside the host's own; depends on the shared cells and the statistics. Without it nobody reads answers.
 * Holds nothing to close.
 */
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../src/clock.ts'
import { joinObservers } from '../src/upstream/join-observers.ts'
import { createAnswerObserver } from '../src/usage/answer-observer.ts'

export interface AnswerUsageOptions {
  readonly clock?: Clock
}

export default fp<AnswerUsageOptions>(
  function answerUsage(app, options, done) {
    const observer = createAnswerObserver({
      clock: options.clock ?? systemClock,
      cells: app.gatewayCells,
      modelRow: (model) => app.gatewayStats.modelRow(model),
    })
    app.decorate('answerObserver', joinObservers(app.answerObserver, observer))
    done()
  },
  { name: 'gateway-answer-usage', fastify: '5.x', dependencies: ['gateway-state', 'gateway-stats'] },
)
