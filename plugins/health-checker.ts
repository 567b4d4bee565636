/**
 * Probes the endpoints and keeps their status true. Decorates `healthChecker`; depends on the registry, the
 * breakers and the connection pools. Probing begins when the app is ready and ends on close.
 */
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../src/clock.ts'
import { HealthChecker, type HealthCheckerOptions } from '../src/health/health-checker.ts'
import { createUpstreamFetch } from '../src/upstream/fetch.ts'
import { BoundedQueue } from '../src/work/bounded-queue.ts'

export interface HealthCheckerPluginOptions extends Partial<HealthCheckerOptions> {
  /** Probes at a time. Default 10. */
  readonly concurrency?: number
  /** Version of the gateway, for `User-Agent`. */
  readonly version: string
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    healthChecker: HealthChecker
  }
}

export default fp<HealthCheckerPluginOptions>(
  function healthChecker(app, options, done) {
    const registry = app.endpointRegistry
    const checker = new HealthChecker(
      {
        clock: options.clock ?? systemClock,
        registry,
        breakers: app.circuitBreakers,
        fetch: createUpstreamFetch(app.upstreamPools),
        queue: new BoundedQueue({
          concurrency: options.concurrency ?? 10,
          capacity: Math.max(64, registry.snapshot.endpoints.length),
        }),
        userAgent: `olla-gateway-HealthChecker/${options.version}`,
      },
      options,
    )
    app.decorate('healthChecker', checker)
    app.addHook('onReady', function start(ready) {
      checker.start()
      ready()
    })
    app.addHook('onClose', function stop(_app, closed) {
      checker.stop()
      closed()
    })
    done()
  },
  {
    name: 'gateway-health-checker',
    fastify: '5.x',
    dependencies: ['gateway-endpoint-registry', 'gateway-circuit-breaker', 'gateway-upstream-pools'],
  },
)
