/**
 * Probes the endpoints and updates their status, for all threads of the gateway. Decorates `healthChecker`; depends on
 * the shared cells, the registry, the breakers and the connection pools. Uses if present: `configVersions`,
 * `gatewayPeers`. Probing starts when the app is ready and stops on close.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { AnswerTimes, answerCells } from '../../src/endpoints/health/answer-times.ts'
import { HealthChecker } from '../../src/endpoints/health/health-checker.ts'
import { evidenceTopic, probeNowTopic } from '../../src/endpoints/health/health-mirror.ts'
import type { HealthMonitor } from '../../src/endpoints/health/health-monitor.ts'
import { hintHttps } from '../../src/endpoints/health/https-hint.ts'
import { ProbeRecords, probeCells } from '../../src/endpoints/health/probe-records.ts'
import { BoundedQueue } from '../../src/kernel/bounded-queue.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { version as packageVersion } from '../../src/kernel/package.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'

export interface HealthCheckerPluginOptions extends Sections<'discovery'> {
  /** 0 to 1; the random part of intervals. Default `Math.random`. */
  readonly random?: () => number
  /** For `User-Agent`. Defaults to the package's version. */
  readonly version?: string
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    healthChecker: HealthMonitor
  }
}

export default fp<HealthCheckerPluginOptions>(
  async function healthChecker(app, options) {
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    const { health } = readSections(options, ['discovery'], ['random', 'version', 'clock']).discovery
    const { version = packageVersion, random = Math.random } = options
    const registry = app.endpointRegistry
    const checker = new HealthChecker(
      {
        clock: options.clock ?? systemClock,
        registry,
        records: new ProbeRecords(app.gatewayState.of(probeCells)),
        breakers: app.circuitBreakers,
        answers: new AnswerTimes(options.clock ?? systemClock, app.gatewayState.of(answerCells).answeredAtMs),
        fetch: hintHttps(app.upstreamFetch, options.clock ?? systemClock),
        queue: new BoundedQueue({
          concurrency: health.concurrentProbes,
          capacity: Math.max(64, app.gatewayState.capacities.endpoints),
        }),
        userAgent: `olla-gateway-HealthChecker/${version}`,
      },
      { ...health, random },
    )
    app.decorate('healthChecker', checker)
    followSections(versions, ['discovery'], (next) => () => {
      const { busyThresholdMs, jitter, maxBackoffMs } = next.discovery.health
      checker.setOptions({ busyThresholdMs, jitter, maxBackoffMs })
    })
    if (app.hasDecorator('gatewayPeers')) {
      app.gatewayPeers.on(evidenceTopic, ({ slot, evidence }) => checker.accept(slot, evidence))
      app.gatewayPeers.on(probeNowTopic, (slot) => checker.probeNow(slot))
    }
    // The detected backend type has its own health route.
    const subscription = app.gatewayEvents.subscribe(
      (event) => {
        if (event.type !== 'endpoint.detected') return
        const endpoint = registry.snapshot.byName.get(event.data.endpoint)
        if (endpoint !== undefined) void checker.probeNow(endpoint.slot)
      },
      { types: ['endpoint.detected'], capacity: Math.max(100, app.gatewayState.capacities.endpoints) },
    )
    app.addHook('onReady', function start(ready) {
      checker.start()
      ready()
    })
    app.addHook('onClose', function stop(_app, closed) {
      subscription.close()
      checker.stop()
      closed()
    })
  },
  {
    name: 'gateway-health-checker',
    fastify: '5.x',
    dependencies: [
      'gateway-events',
      'gateway-state',
      'gateway-endpoint-registry',
      'gateway-circuit-breaker',
      'gateway-upstream-pools',
    ],
  },
)
