/**
 * Finds endpoints by the sources of `discovery.providers`, and adds them to those of the configuration on all threads.
 * Decorates nothing; depends on what changes the configuration, on the profiles and the connections. Runs where endpoints
 * are probed. Reads the sources from when the app is ready until it closes.
 */
import fp from 'fastify-plugin'
import { isOwnEndpoint, parseEndpoint } from '../../src/config/load.ts'
import { readSections } from '../../src/config/options/sections.ts'
import {
  approveTopic,
  discoveryTopic,
  FoundEndpoints,
  refreshTopic,
  rejectTopic,
} from '../../src/endpoints/providers/found-endpoints.ts'
import { LiveSet } from '../../src/endpoints/providers/live-set.ts'
import { makeProvider, rulesOf } from '../../src/endpoints/providers/make-provider.ts'
import { answersAsServer } from '../../src/endpoints/providers/scan-probe.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

export interface EndpointProvidersOptions {
  readonly clock?: Clock
}

const by = 'discovery'

export default fp<EndpointProvidersOptions>(
  async function endpointProviders(app, options) {
    readSections(options, [], ['clock'])
    const { clock = systemClock } = options
    const { providers } = app.configVersions.current.config.discovery
    const knownTypes = app.backendProfiles.types()
    const templates = new Map(providers.map(({ name, type, template }) => [name ?? type, template]))
    const set = new LiveSet({
      clock,
      onChange: () => void refresh(),
      onSource({ name, kind, state, reason }) {
        app.gatewayEvents.publish('provider.state', { provider: name, type: kind, state, reason })
      },
    })
    const found = new FoundEndpoints({
      set,
      templateOf: (name) => templates.get(name) ?? {},
      parse: (value) => parseEndpoint(value, knownTypes),
      isOwn: isOwnEndpoint,
    })
    const sources = providers.map((config) => ({
      type: config.type,
      name: rulesOf(config).name,
      provider: makeProvider(config, {
        clock,
        env: process.env,
        probe: (baseUrl) => answersAsServer(app.upstreamFetch, baseUrl),
      }),
      reports: set.add(rulesOf(config)),
    }))
    app.configChanges.addLayer((endpoints, config) => found.over(endpoints, config))
    app.gatewayPeers.on(discoveryTopic, () => found.view())
    app.gatewayPeers.on(approveTopic, (name) => set.approve(name))
    app.gatewayPeers.on(rejectTopic, (name) => set.reject(name))
    app.gatewayPeers.on(refreshTopic, () => {
      for (const { provider } of sources) provider.refresh()
      return true
    })
    // What is behind a name may have moved before its time to live is over.
    const named = new Map(
      sources.filter(({ type }) => type === 'dns').map(({ name, provider }) => [name, provider]),
    )
    const subscription =
      named.size === 0
        ? undefined
        : app.gatewayEvents.subscribe(
            (event) => {
              if (event.type !== 'endpoint.status' || event.data.to !== 'offline') return
              const live = set.endpoints().find(({ name }) => name === event.data.endpoint)
              if (live !== undefined) named.get(live.provider)?.refresh()
            },
            { types: ['endpoint.status'], capacity: 1_000 },
          )
    app.addHook('onReady', function start(ready) {
      for (const { provider, reports } of sources) provider.start(reports)
      ready()
    })
    app.addHook('onClose', function stop(_app, closed) {
      subscription?.close()
      for (const { provider } of sources) provider.stop()
      set.close()
      closed()
    })

    async function refresh(): Promise<void> {
      const { outcome, reason = '' } = await app.configChanges.refresh(by)
      if (outcome === 'refused') app.gatewayEvents.publish('config.refused', { by, reason })
    }
  },
  {
    name: 'gateway-endpoint-providers',
    fastify: '5.x',
    dependencies: [
      'gateway-peers',
      'gateway-events',
      'gateway-config-versions',
      'gateway-backend-profiles',
      'gateway-upstream-pools',
      'gateway-endpoint-changes',
    ],
  },
)
