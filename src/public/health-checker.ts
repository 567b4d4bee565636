/**
 * Probes an app's upstreams and tracks their health. Decorates `healthChecker`, `endpointRegistry` and
 * `circuitBreakers`.
 */
import fp from 'fastify-plugin'
import { type EndpointOptions, requireHealth, sectionsOf } from './requirements.ts'
// Declares what the plugin decorates; declaration files keep no other import.
import '../../plugins/endpoints/circuit-breaker.ts'
import '../../plugins/endpoints/endpoint-registry.ts'
import '../../plugins/endpoints/health-checker.ts'
import '../../plugins/runtime/events.ts'

export type HealthCheckerOptions = EndpointOptions

export default fp<HealthCheckerOptions>(
  async function publicHealthChecker(app, options) {
    await requireHealth(app, sectionsOf(options))
  },
  { name: 'olla-gateway/plugins/health-checker', fastify: '5.x' },
)
