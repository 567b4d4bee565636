/**
 * Holds the endpoints and their status. Decorates `endpointRegistry`; depends on the event bus, the shared cells and
 * the backend profiles. Rereads secrets in files at intervals, until close. On a serving thread, the endpoints follow
 * the control thread's, and the app is ready once they are equal. Uses if present: `gatewayPeers`; `configVersions`,
 * whose endpoints it follows; `modelCatalog`, to know when an added endpoint has joined.
 */

import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { rereadSecrets } from '../../src/config/file/secrets.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { endpointHeaders } from '../../src/endpoints/registry/auth.ts'
import { buildEndpoints } from '../../src/endpoints/registry/build.ts'
import { whenJoined } from '../../src/endpoints/registry/joining.ts'
import { ConfiguredEndpoints } from '../../src/endpoints/registry/next-endpoints.ts'
import { EndpointRegistry } from '../../src/endpoints/registry/registry.ts'
import { followEndpoints, shareEndpoints } from '../../src/endpoints/registry/registry-replica.ts'
import { statusCells } from '../../src/endpoints/registry/status-cells.ts'
import { type Clock, systemClock, type Timer } from '../../src/kernel/clock.ts'
import type { ConfigVersion } from '../../src/runtime/configuration/versions.ts'
import type { Topic } from '../../src/runtime/links/peer-link.ts'

export interface EndpointRegistryOptions extends Sections<'discovery' | 'proxy'> {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    endpointRegistry: EndpointRegistry
  }
}

/** The endpoints that the next version adds, before it is prepared. */
const joinTopic: Topic<ConfigVersion, boolean> = 'endpoints.join'

export default fp<EndpointRegistryOptions>(
  async function endpointRegistry(app, options) {
    const { discovery, proxy } = readSections(options, ['discovery', 'proxy'], ['clock'])
    const clock = options.clock ?? systemClock
    const profile = (type: string) => app.backendProfiles.get(type)
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    let rows = versions?.current.endpointRows ?? []
    let configured = discovery.static.endpoints
    const endpoints = buildEndpoints(configured, { profile, proxy }, rows)
    const registry = new EndpointRegistry(endpoints, {
      clock,
      cells: app.gatewayState.of(statusCells),
      events: app.gatewayEvents,
      slowStartMs: discovery.health.slowStartMs,
    })
    app.decorate('endpointRegistry', registry)

    const link = app.hasDecorator('gatewayPeers') ? app.gatewayPeers : undefined
    if (versions !== undefined) followVersions(versions)
    if (link?.isControl === false) {
      app.addHook('onReady', followEndpoints(registry, link, profile))
      return
    }
    if (link !== undefined) shareEndpoints(registry, link)
    rereadFiles()

    function followVersions(following: FastifyInstance['configVersions']): void {
      const known = new ConfiguredEndpoints(endpoints)
      const build = ({ config, endpointRows }: ConfigVersion) => {
        const sections = readSections({ discovery: config.discovery, proxy: config.proxy }, [
          'discovery',
          'proxy',
        ])
        const list = sections.discovery.static.endpoints
        return {
          ...sections,
          list,
          built: buildEndpoints(list, { profile, proxy: sections.proxy }, endpointRows),
        }
      }
      following.follow((next) => {
        const { discovery: nextDiscovery, list, built } = build(next)
        return () => {
          registry.replaceAll(known.next(built, registry.snapshot.bySlot))
          registry.slowStartMs = nextDiscovery.health.slowStartMs
          known.set(built)
          rows = next.endpointRows
          configured = list
        }
      })
      const join = (next: ConfigVersion) => {
        const { built } = build(next)
        const { bySlot, endpoints: present, joining: before } = registry.snapshot
        const isNew = (slot: number) =>
          bySlot[slot] === undefined || before.some((each) => each.slot === slot)
        const joining = built.filter(({ slot }) => isNew(slot))
        if (joining.length + before.length === 0) return joining
        registry.replaceAll(present, known.next(joining, bySlot))
        known.add(joining)
        return joining
      }
      if (link?.isControl === false) {
        link.on(joinTopic, (next) => join(next).length > 0)
        return
      }
      following.onJoin(async (next) => {
        const { built } = build(next)
        const added = built.filter(({ slot }) => registry.snapshot.bySlot[slot] === undefined)
        for (const { slot } of added) registry.joins(slot)
        if (added.length + registry.snapshot.joining.length > 0) await link?.requestAll(joinTopic, next)
        const joining = join(next)
        await whenJoined(joining, {
          registry,
          clock,
          hasList: (slot) =>
            !discovers(next) ||
            !app.hasDecorator('modelCatalog') ||
            app.modelCatalog.snapshot.byEndpoint.has(slot),
        })
      })
    }

    function rereadFiles(): void {
      const intervalMs = discovery.refreshIntervalMs
      if (intervalMs === 0) return
      let timer: Timer
      const arm = () => {
        timer = clock.after(intervalMs, () => {
          for (const [index, endpoint] of configured.entries()) {
            const fresh = rereadSecrets(endpoint)
            if (fresh !== undefined) registry.replaceHeaders(rows[index] ?? index, endpointHeaders(fresh))
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

function discovers({ config }: ConfigVersion): boolean {
  return config.discovery.model_discovery.enabled
}
