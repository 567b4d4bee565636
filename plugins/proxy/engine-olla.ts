/**
 * Provides the default engine's transport: an HTTP/1.1 client drives the attempt, the gateway's own or undici.
 * Decorates `upstreamTransport`. Closes the connections to removed endpoints, and all on close. Uses if present:
 * `endpointRegistry`.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { UpstreamConnections } from '../../src/endpoints/connections/connections.ts'
import { loadClient } from '../../src/http/http-clients.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import type { Transport } from '../../src/proxy/contract/transport.ts'
import { directTransport } from '../../src/proxy/transports/direct-transport.ts'

export interface EngineOllaOptions extends Sections<'proxy'> {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    upstreamTransport: Transport
  }
}

export default fp<EngineOllaOptions>(
  async function engineOlla(app, options) {
    const { proxy } = readSections(options, ['proxy'], ['clock'])
    const connections = new UpstreamConnections(options.clock ?? systemClock, {
      connectionKeepAliveMs: proxy.connectionKeepAliveMs,
      createPool: await loadClient(proxy.httpClient),
    })
    // The port of a closed connection is not free again for a minute.
    app.shortages.onShortage((resource) => {
      if (resource !== 'local ports') connections.closeIdle()
    })
    app.decorate('upstreamTransport', directTransport(connections))
    if (app.hasDecorator('endpointRegistry')) {
      const registry = app.endpointRegistry
      registry.follow({ changed: () => connections.retain(Object.values(registry.snapshot.bySlot)) })
    }
    app.addHook('onClose', (_app, closed) => {
      connections.close()
      closed()
    })
  },
  { name: 'gateway-engine', fastify: '5.x', dependencies: ['gateway-upstream-pools'] },
)
