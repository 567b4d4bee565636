/**
 * Provides one circuit breaker per endpoint, shared by requests and probes, and one per model that failed there.
 * Decorates `circuitBreakers`; depends on the registry, whose endpoints have the policies.
 */

import fp from 'fastify-plugin'
import { AnswerTimes, answerCells } from '../../src/endpoints/health/answer-times.ts'
import { CircuitBreakers } from '../../src/endpoints/resilience/circuit-breakers.ts'
import { circuitCells } from '../../src/endpoints/resilience/circuit-cells.ts'
import { ModelStates } from '../../src/endpoints/resilience/model-states.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

export interface CircuitBreakerOptions {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    circuitBreakers: CircuitBreakers
  }
}

export default fp<CircuitBreakerOptions>(
  function circuitBreaker(app, options, done) {
    const state = app.gatewayState
    const circuits = state.of(circuitCells)
    const clock = options.clock ?? systemClock
    const answers = new AnswerTimes(clock, state.of(answerCells).answeredAtMs)
    const breakers = new CircuitBreakers(app.endpointRegistry, circuits.endpoints, {
      clock,
      events: app.gatewayEvents,
      models: new ModelStates(circuits.models, clock),
      hasAnsweredSince: (slot, sinceMs) => answers.hasAnsweredSince(slot, sinceMs),
    })
    app.decorate('circuitBreakers', breakers)
    done()
  },
  {
    name: 'gateway-circuit-breaker',
    fastify: '5.x',
    dependencies: ['gateway-events', 'gateway-state', 'gateway-endpoint-registry'],
  },
)
