/**
 * Holds the endpoints and their status. Decorates `endpointRegistry`; depends on the event bus, the shared cells and
 * the backend profiles. Rereads secrets in files at intervals, until close. On a serving thread, the endpoints follow
 * the control thread's, and the app is ready once they are equal. Uses if present: `gatewayPeers`.
 */

import fp from 'fastify-plugin'
import { rereadSecrets } from '../../src/config/file/secrets.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { endpointHeaders } from '../../src/endpoints/registry/auth.ts'
import { buildEndpoints } from '../../src/endpoints/registry/build.ts'
import { EndpointRegistry } from '../../src/endpoints/registry/registry.ts'
import { followEndpoints, shareEndpoints } from '../../src/endpoints/registry/registry-replica.ts'
import { statusCells } from '../../src/endpoints/registry/status-cells.ts'
import { type Clock, systemClock, type Timer } from '../../src/kernel/clock.ts'

export interface EndpointRegistryOptions extends Sections<'discovery' | 'proxy'> {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    endpointRegistry: EndpointRegistry
  }
}

export default fp<EndpointRegistryOptions>(
  async function endpointRegistry(app, options) {
    const { discovery, proxy } = readSections(options, ['discovery', 'proxy'], ['clock'])
    const configured = discovery.static.endpoints
    const profile = (type: string) => app.backendProfiles.get(type)
    const endpoints = buildEndpoints(configured, { profile, proxy })
    const clock = options.clock ?? systemClock
    const registry = new EndpointRegistry(endpoints, {
      clock,
      cells: app.gatewayState.of(statusCells),
      events: app.gatewayEvents,
      slowStartMs: discovery.health.slowStartMs,
    })
    app.decorate('endpointRegistry', registry)

    const link = app.hasDecorator('gatewayPeers') ? app.gatewayPeers : undefined
    if (link?.isControl === false) {
      app.addHook(
        'onReady',
        followEndpoints(registry, link, (name) => app.backendProfiles.get(name)),
      )
      return
    }
    if (link !== undefined) shareEndpoints(registry, link)

    const intervalMs = discovery.refreshIntervalMs
    if (intervalMs > 0 && configured.some((endpoint) => rereadSecrets(endpoint) !== undefined)) {
      let timer: Timer
      const arm = () => {
        timer = clock.after(intervalMs, () => {
          for (const [slot, endpoint] of configured.entries()) {
            const fresh = rereadSecrets(endpoint)
            if (fresh !== undefined) registry.replaceHeaders(slot, endpointHeaders(fresh))
          }
          arm()
        })
      }
      arm()
      app.addHook('onClose', function stop(_app, closed) {
        timer.cancel()
        closed()
      })
    }
  },
  {
    name: 'gateway-endpoint-registry',
    fastify: '5.x',
    dependencies: ['gateway-events', 'gateway-state', 'gateway-backend-profiles'],
  },
)
