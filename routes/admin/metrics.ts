/**
 * `/internal/metrics` for Prometheus, as text or OpenMetrics. Adds the metrics of the gateway, its endpoints and
 * models, translators, sessions and the process to `gatewayMetrics`. Uses if present: `engineSignals`,
 * `hedging`.
 */

import { setImmediate } from 'node:timers/promises'
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { version as packageVersion } from '../../src/kernel/package.ts'
import { endpointMetrics, labelEndpoints } from '../../src/observe/prometheus/endpoint-metrics.ts'
import { engineMetrics } from '../../src/observe/prometheus/engine-metrics.ts'
import { estimateMetrics } from '../../src/observe/prometheus/estimate-metrics.ts'
import { Exposition, labelText } from '../../src/observe/prometheus/exposition.ts'
import { stickyMetrics, translatorMetrics } from '../../src/observe/prometheus/feature-metrics.ts'
import { gatewayMetrics } from '../../src/observe/prometheus/gateway-metrics.ts'
import { modelMetrics } from '../../src/observe/prometheus/model-metrics.ts'
import { readModels } from '../../src/observe/prometheus/model-series.ts'
import { contentTypes, negotiateFormat } from '../../src/observe/prometheus/negotiate.ts'
import { ollaMetrics } from '../../src/observe/prometheus/olla-metrics.ts'
import { processMetrics } from '../../src/observe/prometheus/process-metrics.ts'
import { readProcessCounts } from '../../src/observe/stats/process-counts.ts'
import { readStatsCells } from '../../src/observe/stats/stats-cells.ts'
import { stickyView } from '../../src/observe/views/sticky.ts'
import { estimateCells } from '../../src/routing/estimate/estimate-cells.ts'
import { lineCells } from '../../src/routing/line/line-cells.ts'
import { processCells, runCells } from '../../src/runtime/process/process-cells.ts'
import { ignoreBodies } from './any-method.ts'
import { compress } from './compression.ts'
import { endpointSourceDependencies, endpointSources } from './endpoint-sources.ts'

/** Reads which models and names are exposed, and, for display, how requests are sent. */
export interface InternalMetricsOptions extends Sections<'proxy' | 'metrics'> {
  /** Version of the gateway. Defaults to the package's. */
  readonly version?: string
  /** Commit that it was built from. Default `none`. */
  readonly commit?: string | undefined
  readonly clock?: Clock
}

export default fp<InternalMetricsOptions>(
  async function internalMetrics(app, options) {
    const clock = options.clock ?? systemClock
    const { proxy, metrics: config } = readSections(
      options,
      ['proxy', 'metrics'],
      ['version', 'commit', 'clock'],
    )
    const { version = packageVersion, commit = 'none' } = options
    const { engine, profile } = proxy
    const info = { version, commit, engine, profile }
    const startedAtMs = app.gatewayState.of(runCells).mark.begin(clock.nowMs())
    const { translatorStats: translators } = app
    const { gatewayMetrics: metrics, gatewayState: state } = app
    const cells = readStatsCells(state)
    const { waiting } = state.of(lineCells)
    const processCounts = state.of(processCells)
    const hedging = app.hasDecorator('hedging') ? app.hedging : undefined
    ignoreBodies(app)

    metrics.add(gatewayMetrics, () => {
      const { status, limitedClients, rateLimits, sizeLimits } = app.gatewaySecurity
      return {
        info: { ...info, balancer: app.endpointSelector.strategy },
        configVersion: app.configVersions.current.version,
        nowMs: clock.nowMs(),
        startedAtMs,
        state,
        cells,
        totals: app.gatewayStats.totals(),
        endpoints: endpointSources(app),
        security: { status, blockedIps: limitedClients, rateLimits, sizeLimits },
        waiting: waiting.value(0),
        hedges: hedging?.current && hedging.totals,
        buffers: app.bufferBudget,
      }
    })
    metrics.add(endpointMetrics, () => ({ cells, endpoints: labelEndpoints(endpointSources(app)) }))
    metrics.add(engineMetrics, () => {
      if (app.engineSignals === undefined) return { engines: [] }
      const sources = labelEndpoints(endpointSources(app))
      return {
        engines: sources.flatMap(({ labels, engine: { reading } }) =>
          reading === undefined ? [] : { labels, reading },
        ),
      }
    })
    const models = () =>
      readModels({
        cells,
        stats: app.gatewayStats,
        endpoints: labelEndpoints(endpointSources(app)),
        known: app.modelCatalog.snapshot.size,
        limit: config.exposedModels,
      })
    metrics.add(modelMetrics, models)
    metrics.add(estimateMetrics, () => {
      const isUsed = app.latencyEstimator.current !== undefined
      const found = isUsed ? state.of(estimateCells) : undefined
      return {
        ratios: found && { endpoints: found.endpointRatios, models: found.modelRatios },
        endpoints: labelEndpoints(endpointSources(app)),
        models: isUsed ? models().models : [],
      }
    })
    metrics.add(translatorMetrics, () => ({
      translators: translators.totals(),
      translations: app.translationStats.totals(),
    }))
    metrics.add(stickyMetrics, () => stickyView(app.sessionAffinity, app.endpointRegistry.snapshot.endpoints))
    metrics.add(processMetrics, async () => ({
      process: app.processReadings.own(),
      counts: readProcessCounts(processCounts),
      threads: (await app.processReadings.all()).map(({ thread, reading }) => ({
        labels: labelText({ thread: String(thread) }),
        reading,
      })),
      nowMs: clock.nowMs(),
    }))
    if (config.ollaNames) {
      metrics.add(ollaMetrics, () => ({
        totals: app.gatewayStats.totals(),
        endpoints: labelEndpoints(endpointSources(app)),
        models: models(),
      }))
    }

    app.route({
      method: app.supportedMethods,
      url: '/internal/metrics',
      config: { internalAccess: 'olla' },
      exposeHeadRoute: false,
      onSend: compress,
      handler: async (request, reply) => {
        const format = negotiateFormat(request.headers.accept)
        const out = new Exposition(format)
        const parts: string[] = []
        for await (const _family of metrics.write(out)) {
          parts.push(out.take())
          // A large fleet has tens of thousands of lines: let requests run in between.
          await setImmediate()
        }
        parts.push(out.end())
        return reply.type(contentTypes[format]).header('Cache-Control', 'no-store').send(parts.join(''))
      },
    })
  },
  {
    name: 'gateway-routes-internal-metrics',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      ...endpointSourceDependencies,
      'gateway-internal-access',
      'gateway-buffer-budget',
      'gateway-metrics',
      'gateway-security',
      'gateway-session-affinity',
      'gateway-process-readings',
      'gateway-endpoint-selector',
      'gateway-config-versions',
    ],
  },
)
