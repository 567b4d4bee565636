/**
 * Probes an app's upstreams and knows which are up. Decorates `healthChecker`, `endpointRegistry` and
 * `circuitBreakers`.
 */
import fp from 'fastify-plugin'
import { type EndpointOptions, requireHealth, sectionsOf } from './requirements.ts'

export type HealthCheckerOptions = EndpointOptions

export default fp<HealthCheckerOptions>(
  async function publicHealthChecker(app, options) {
    await requireHealth(app, sectionsOf(options))
  },
  { name: 'olla-gateway/plugins/health-checker', fastify: '5.x' },
)
