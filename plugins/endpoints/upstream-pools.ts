/**
 * Manages connections to endpoints. Decorates `upstreamPools`: one pool per endpoint, opened on first use and closed
 * after an idle period, on undici for the `sherpa` engine and else on `proxy.http_client`; `upstreamFetch`, which sends the gateway's own requests over them; `shortages`, which
 * detects that this process lacks resources for another connection; and `viaEntry`. Closes the connections to removed
 * endpoints, and all on close. Uses if present: `endpointRegistry`.
 */

import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { createUpstreamFetch, type UpstreamFetch } from '../../src/endpoints/connections/fetch.ts'
import { UpstreamPools } from '../../src/endpoints/connections/pools.ts'
import { Shortages, shortageCells } from '../../src/endpoints/connections/shortages.ts'
import type { Endpoint } from '../../src/endpoints/registry/endpoint.ts'
import { viaEntryOf } from '../../src/http/headers/via.ts'
import { loadClient } from '../../src/http/http-clients.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { version } from '../../src/kernel/package.ts'
import { runCells } from '../../src/runtime/process/process-cells.ts'

export interface UpstreamPoolsPluginOptions extends Sections<'proxy'> {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    upstreamPools: UpstreamPools
    shortages: Shortages
    /** The gateway's entry in `Via` of every request it sends. */
    viaEntry: string
    /** Sends the gateway's own requests. */
    upstreamFetch: UpstreamFetch
  }
}

export default fp<UpstreamPoolsPluginOptions>(
  async function upstreamPools(app, options) {
    const clock = options.clock ?? systemClock
    const { proxy } = readSections(options, ['proxy'], ['clock'])
    const pools = new UpstreamPools(clock, {
      connectionKeepAliveMs: proxy.connectionKeepAliveMs,
      poolIdleTimeoutMs: proxy.poolIdleTimeoutMs,
      createPool: await loadClient(proxy.engine === 'sherpa' ? 'undici' : proxy.httpClient),
    })
    app.decorate('upstreamPools', pools)
    const { counts } = app.gatewayState.of(shortageCells)
    const column = counts.column('shortages')
    const shortages = new Shortages(clock, () => counts.add(0, column, 1))
    // The port of a closed connection is not free again for a minute.
    shortages.onShortage((resource) => {
      if (resource !== 'local ports') pools.closeIdle()
    })
    app.decorate('shortages', shortages)
    const viaEntry = viaEntryOf(version, app.gatewayState.of(runCells).pseudonym)
    app.decorate('viaEntry', viaEntry)
    app.decorate('upstreamFetch', createUpstreamFetch(pools, { clock, shortages, viaEntry }))
    if (app.hasDecorator('endpointRegistry')) {
      const registry = app.endpointRegistry
      registry.follow({ changed: () => pools.retain(originsOf(registry.snapshot.bySlot)) })
    }
    app.addHook('onClose', (_app, closed) => {
      pools.close()
      closed()
    })
  },
  { name: 'gateway-upstream-pools', fastify: '5.x', dependencies: ['gateway-state'] },
)

function originsOf(endpoints: readonly Endpoint[]): Set<string> {
  const origins = new Set<string>()
  for (const endpoint of Object.values(endpoints)) {
    origins.add(endpoint.origin)
    origins.add(new URL(endpoint.healthUrl).origin)
    origins.add(new URL(endpoint.modelUrl).origin)
  }
  return origins
}
