/**
 * `/internal/metrics` for Prometheus, as text or OpenMetrics. Adds the metrics of the gateway, its endpoints, its
 * models and this process to `gatewayMetrics`. Counts garbage collections from start to close.
 */
import { setImmediate } from 'node:timers/promises'
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../src/clock.ts'
import { GcMonitor } from '../src/stats/gc-monitor.ts'
import { readProcess } from '../src/stats/process-reading.ts'
import { endpointMetrics, labelEndpoints } from '../src/stats/prometheus/endpoint-metrics.ts'
import { Exposition } from '../src/stats/prometheus/exposition.ts'
import { gatewayMetrics } from '../src/stats/prometheus/gateway-metrics.ts'
import { modelMetrics } from '../src/stats/prometheus/model-metrics.ts'
import { readModels } from '../src/stats/prometheus/model-series.ts'
import { contentTypes, negotiateFormat } from '../src/stats/prometheus/negotiate.ts'
import { processMetrics } from '../src/stats/prometheus/process-metrics.ts'
import { ignoreBodies } from './support/any-method.ts'
import { compress } from './support/compression.ts'
import { endpointSourceDependencies, endpointSources } from './support/endpoint-sources.ts'

export interface InternalMetricsOptions {
  /** Version of the gateway. */
  readonly version: string
  /** Commit that it was built from. Default `none`. */
  readonly commit?: string | undefined
  /** As configured, for display. */
  readonly engine: string
  readonly profile: string
  readonly balancer: string
  /** Models with series of their own. Default 200. */
  readonly exposedModels?: number
  readonly clock?: Clock
}

export default fp<InternalMetricsOptions>(
  function internalMetrics(app, options, done) {
    const clock = options.clock ?? systemClock
    const { version, commit = 'none', engine, profile, balancer, exposedModels = 200 } = options
    const info = { version, commit, engine, profile, balancer }
    const startedAtMs = clock.nowMs()
    const collections = new GcMonitor()
    const { gatewayMetrics: metrics, gatewayCells: cells } = app
    ignoreBodies(app)

    metrics.add(gatewayMetrics, () => {
      const { status, limitedClients, rateLimits, sizeLimits } = app.gatewaySecurity
      return {
        info,
        nowMs: clock.nowMs(),
        startedAtMs,
        cells,
        totals: app.gatewayStats.totals(),
        endpoints: endpointSources(app),
        security: { status, blockedIps: limitedClients, rateLimits, sizeLimits },
        waiting: app.proxyEngine.waiting,
      }
    })
    metrics.add(endpointMetrics, () => ({ cells, endpoints: labelEndpoints(endpointSources(app)) }))
    metrics.add(modelMetrics, () =>
      readModels({
        cells,
        stats: app.gatewayStats,
        endpoints: labelEndpoints(endpointSources(app)),
        known: app.modelCatalog.snapshot.size,
        limit: exposedModels,
      }),
    )
    metrics.add(processMetrics, () => ({ process: readProcess(collections.totals()), nowMs: clock.nowMs() }))

    app.addHook('onReady', function start(ready) {
      collections.start()
      ready()
    })
    app.addHook('onClose', function stop(_app, closed) {
      collections.stop()
      closed()
    })
    app.route({
      method: app.supportedMethods,
      url: '/internal/metrics',
      exposeHeadRoute: false,
      onSend: compress,
      handler: async (request, reply) => {
        const format = negotiateFormat(request.headers.accept)
        const out = new Exposition(format)
        const parts: string[] = []
        for (const _family of metrics.write(out)) {
          parts.push(out.take())
          // A large fleet has tens of thousands of lines: requests go on in between.
          await setImmediate()
        }
        parts.push(out.end())
        return reply.type(contentTypes[format]).header('Cache-Control', 'no-store').send(parts.join(''))
      },
    })
    done()
  },
  {
    name: 'gateway-routes-internal-metrics',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      ...endpointSourceDependencies,
      'gateway-metrics',
      'gateway-security',
      'gateway-proxy-engine',
    ],
  },
)
