/**
 * Discovers the models of each endpoint, for all threads of the gateway. Decorates `modelCatalog` and `modelDiscovery`;
 * depends on the registry, the profiles and the connection pools. Uses if present: `configVersions`, `gatewayPeers`.
 * Reads the models of an endpoint when that becomes routable, until close.
 */
import { isDeepStrictEqual } from 'node:util'
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { ModelCatalog } from '../../src/endpoints/discovery/catalog.ts'
import { shareCatalog } from '../../src/endpoints/discovery/catalog-replica.ts'
import { ModelDiscovery } from '../../src/endpoints/discovery/discovery.ts'
import { refreshTopic } from '../../src/endpoints/discovery/discovery-mirror.ts'
import {
  DiscoveryRecords,
  discoveryCells,
  type ModelRefresher,
} from '../../src/endpoints/discovery/discovery-records.ts'
import { hintHttps } from '../../src/endpoints/health/https-hint.ts'
import { BoundedQueue } from '../../src/kernel/bounded-queue.ts'
import { type Clock, systemClock, type Timer } from '../../src/kernel/clock.ts'
import { version as packageVersion } from '../../src/kernel/package.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'

/** Reads `discovery.model_discovery`, `model_registry.unification` and which models are allowed. */
export interface ModelDiscoveryPluginOptions
  extends Sections<'discovery' | 'model_registry' | 'model_filter'> {
  /** 0 to 1; the random part of waits. Default `Math.random`. */
  readonly random?: () => number
  /** For `User-Agent`. Defaults to the package's version. */
  readonly version?: string
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    modelCatalog: ModelCatalog
    modelDiscovery: ModelRefresher
  }
}

/** A shorter interval would scan the catalogue continuously. */
const minCleanupMs = 1_000

export default fp<ModelDiscoveryPluginOptions>(
  async function modelDiscovery(app, options) {
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    const {
      discovery: config,
      modelRegistry,
      modelFilter,
    } = readSections(options, ['discovery', 'model_registry', 'model_filter'], ['random', 'version', 'clock'])
    const { modelDiscovery: settings } = config
    const { version = packageVersion, random = Math.random } = options
    const registry = app.endpointRegistry
    const catalog = new ModelCatalog(modelFilter)
    const discovery = new ModelDiscovery(
      {
        clock: options.clock ?? systemClock,
        registry,
        catalog,
        records: new DiscoveryRecords(app.gatewayState.of(discoveryCells)),
        events: app.gatewayEvents,
        report: (slot, evidence) => app.healthChecker.report(slot, evidence),
        fetch: hintHttps(app.upstreamFetch, options.clock ?? systemClock),
        queue: new BoundedQueue({
          concurrency: settings.concurrentWorkers,
          capacity: Math.max(64, app.gatewayState.capacities.endpoints),
        }),
        profiles: () => app.backendProfiles.all(),
        fallbackProfile: () => app.backendProfiles.get('openai-compatible'),
        userAgent: `olla-gateway-Discovery/${version}`,
        maxEndpoints: app.gatewayState.capacities.endpoints,
      },
      { ...settings, detectIntervalMs: config.refreshIntervalMs, random },
    )
    app.decorate('modelCatalog', catalog)
    app.decorate('modelDiscovery', discovery)
    let filter = modelFilter
    followSections(versions, ['discovery', 'model_filter'], (next) => () => {
      const { intervalMs, timeoutMs, retryAttempts, retryBackoffMs } = next.discovery.modelDiscovery
      discovery.setOptions({ intervalMs, timeoutMs, retryAttempts, retryBackoffMs })
      if (isDeepStrictEqual(filter, next.modelFilter)) return
      filter = next.modelFilter
      catalog.setFilter(filter)
      if (settings.enabled) for (const { slot } of registry.snapshot.endpoints) void discovery.refresh(slot)
    })
    if (app.hasDecorator('gatewayPeers')) {
      shareCatalog(catalog, app.gatewayPeers)
      app.gatewayPeers.on(refreshTopic, (slot) => discovery.refresh(slot))
    }
    if (settings.enabled) {
      const clock = options.clock ?? systemClock
      let timer: Timer | undefined
      const { staleThresholdMs, cleanupIntervalMs } = modelRegistry.unification
      const armCleanup = () => {
        if (staleThresholdMs === 0 || cleanupIntervalMs === 0) return
        timer = clock.after(Math.max(minCleanupMs, cleanupIntervalMs), () => {
          catalog.expire(clock.nowMs() - staleThresholdMs)
          armCleanup()
        })
      }
      app.addHook('onReady', function start(ready) {
        discovery.start()
        armCleanup()
        ready()
      })
      app.addHook('onClose', function stop(_app, closed) {
        timer?.cancel()
        discovery.stop()
        closed()
      })
    }
  },
  {
    name: 'gateway-model-discovery',
    fastify: '5.x',
    dependencies: [
      'gateway-events',
      'gateway-state',
      'gateway-endpoint-registry',
      'gateway-backend-profiles',
      'gateway-upstream-pools',
      'gateway-health-checker',
    ],
  },
)
