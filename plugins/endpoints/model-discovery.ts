/**
 * Finds out which endpoint has which model, for all threads of the gateway. Decorates `modelCatalog` and
 * `modelDiscovery`; depends on the registry, the profiles and the connection pools. Uses if present: `gatewayPeers`. It
 * reads the models of an endpoint when that becomes routable, until close.
 */
import fp from 'fastify-plugin'
import { ModelCatalog } from '../../src/endpoints/discovery/catalog.ts'
import { shareCatalog } from '../../src/endpoints/discovery/catalog-replica.ts'
import { ModelDiscovery, type ModelDiscoveryOptions } from '../../src/endpoints/discovery/discovery.ts'
import { refreshTopic } from '../../src/endpoints/discovery/discovery-mirror.ts'
import {
  DiscoveryRecords,
  discoveryCells,
  type ModelRefresher,
} from '../../src/endpoints/discovery/discovery-records.ts'
import { hintHttps } from '../../src/endpoints/health/https-hint.ts'
import { BoundedQueue } from '../../src/kernel/bounded-queue.ts'
import { type Clock, systemClock, type Timer } from '../../src/kernel/clock.ts'
import type { ModelFilterRules } from '../../src/kernel/names/name-filter.ts'

export interface ModelDiscoveryPluginOptions extends Partial<ModelDiscoveryOptions> {
  /** Off: the catalogue stays empty. Default true. */
  readonly enabled?: boolean
  /** Models that were not seen for so long leave the catalogue; milliseconds. Default 86,400,000. */
  readonly staleMs?: number
  /** How often stale models are looked for; milliseconds. Default 600,000. */
  readonly cleanupIntervalMs?: number
  /** Looks at a time. Default 5. */
  readonly concurrency?: number
  /** Names of models that may be used at all. */
  readonly filter?: ModelFilterRules
  /** Version of the gateway, for `User-Agent`. */
  readonly version: string
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    modelCatalog: ModelCatalog
    modelDiscovery: ModelRefresher
  }
}

export default fp<ModelDiscoveryPluginOptions>(
  function modelDiscovery(app, options, done) {
    const registry = app.endpointRegistry
    const catalog = new ModelCatalog(options.filter)
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
          concurrency: options.concurrency ?? 5,
          capacity: Math.max(64, registry.snapshot.endpoints.length),
        }),
        profiles: () => app.backendProfiles.all(),
        fallbackProfile: () => app.backendProfiles.get('openai-compatible'),
        userAgent: `olla-gateway-Discovery/${options.version}`,
      },
      {
        intervalMs: options.intervalMs ?? 300_000,
        timeoutMs: options.timeoutMs ?? 30_000,
        retryAttempts: options.retryAttempts ?? 3,
        retryBackoffMs: options.retryBackoffMs ?? 1_000,
        detectIntervalMs: options.detectIntervalMs ?? 30_000,
        random: options.random ?? Math.random,
      },
    )
    app.decorate('modelCatalog', catalog)
    app.decorate('modelDiscovery', discovery)
    if (app.hasDecorator('gatewayPeers')) {
      shareCatalog(catalog, app.gatewayPeers)
      app.gatewayPeers.on(refreshTopic, (slot) => discovery.refresh(slot))
    }
    if (options.enabled ?? true) {
      const clock = options.clock ?? systemClock
      let timer: Timer | undefined
      const { staleMs = 86_400_000, cleanupIntervalMs = 600_000 } = options
      const armCleanup = () => {
        if (staleMs === 0 || cleanupIntervalMs === 0) return
        timer = clock.after(cleanupIntervalMs, () => {
          catalog.expire(clock.nowMs() - staleMs)
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
    done()
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
