/**
 * Mirrors the endpoints' health on a serving thread; the control thread probes them. Decorates `healthChecker`; depends
 * on the link to the other threads, the shared cells and the registry. Needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { HealthMirror } from '../../src/endpoints/health/health-mirror.ts'
import type { HealthMonitor } from '../../src/endpoints/health/health-monitor.ts'
import { ProbeRecords, probeCells } from '../../src/endpoints/health/probe-records.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

export interface HealthMirrorOptions {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    healthChecker: HealthMonitor
  }
}

export default fp<HealthMirrorOptions>(
  function healthMirror(app, options, done) {
    app.decorate(
      'healthChecker',
      new HealthMirror({
        registry: app.endpointRegistry,
        records: new ProbeRecords(app.gatewayState.of(probeCells)),
        link: app.gatewayPeers,
        clock: options.clock ?? systemClock,
      }),
    )
    done()
  },
  {
    name: 'gateway-health-checker',
    fastify: '5.x',
    dependencies: ['gateway-peers', 'gateway-state', 'gateway-endpoint-registry'],
  },
)
