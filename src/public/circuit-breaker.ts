/** A circuit breaker for each of an app's upstreams. Decorates `circuitBreakers` and `endpointRegistry`. */
import fp from 'fastify-plugin'
import { type EndpointOptions, requireBreakers, sectionsOf } from './requirements.ts'
// Declares what the plugin decorates; declaration files keep no other import.
import '../../plugins/endpoints/circuit-breaker.ts'
import '../../plugins/endpoints/endpoint-registry.ts'
import '../../plugins/runtime/events.ts'

export type CircuitBreakerOptions = EndpointOptions

export default fp<CircuitBreakerOptions>(
  async function publicCircuitBreaker(app, options) {
    await requireBreakers(app, sectionsOf(options))
  },
  { name: 'olla-gateway/plugins/circuit-breaker', fastify: '5.x' },
)
