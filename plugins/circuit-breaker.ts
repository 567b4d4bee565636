/**
 * One circuit breaker per endpoint, used by requests and probes alike. Decorates `circuitBreakers`; depends on
 * the registry, whose endpoints carry the policies.
 */
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../src/clock.ts'
import { CircuitBreakers } from '../src/resilience/circuit-breakers.ts'

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
    const breakers = new CircuitBreakers(app.endpointRegistry, app.gatewayCells.breakers, {
      clock: options.clock ?? systemClock,
      events: app.gatewayEvents,
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
