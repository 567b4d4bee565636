/**
 * The inference servers and their status. Decorates `endpointRegistry`; depends on the event bus, the shared
 * cells and the backend profiles.
 */
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../src/clock.ts'
import type { EndpointConfig, ProxyConfig } from '../src/config/schema.ts'
import { buildEndpoints } from '../src/endpoint/build.ts'
import { EndpointRegistry } from '../src/endpoint/registry.ts'

export interface EndpointRegistryOptions {
  /** As the configuration's `discovery.static.endpoints`, decoded. */
  readonly endpoints: readonly EndpointConfig[]
  /** Defaults of timeouts and circuit breakers. */
  readonly proxy: ProxyConfig
  /** How long a recovered endpoint is warming; milliseconds. Default 10,000; 0 is off. */
  readonly slowStartMs?: number
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    endpointRegistry: EndpointRegistry
  }
}

export default fp<EndpointRegistryOptions>(
  function endpointRegistry(app, options, done) {
    const endpoints = buildEndpoints(options.endpoints, {
      profile: (type) => app.backendProfiles.get(type),
      proxy: options.proxy,
    })
    app.decorate(
      'endpointRegistry',
      new EndpointRegistry(endpoints, {
        clock: options.clock ?? systemClock,
        cells: app.gatewayCells,
        events: app.gatewayEvents,
        slowStartMs: options.slowStartMs ?? 10_000,
      }),
    )
    done()
  },
  {
    name: 'gateway-endpoint-registry',
    fastify: '5.x',
    dependencies: ['gateway-events', 'gateway-state', 'gateway-backend-profiles'],
  },
)
