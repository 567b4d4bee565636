/**
 * Samples the counters for charts. Decorates `gatewaySamples` and sends each sample to the event streams; depends on
 * the shared cells, the endpoints, the engine and the event log. Stops on close.
 */
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { readSamplerCells, Sampler } from '../../src/observe/stats/sampler.ts'

export interface SamplerOptions {
  /** Milliseconds between two samples. Default 2,000. */
  readonly intervalMs?: number
  /** Number of samples kept. Default 450: 15 minutes at the default interval. */
  readonly capacity?: number
  readonly clock?: Clock
}

export interface GatewaySamples {
  readonly intervalMs: number
  /** The samples kept, oldest first, as a JSON array. */
  json(): string
}

declare module 'fastify' {
  interface FastifyInstance {
    gatewaySamples: GatewaySamples
  }
}

export default fp<SamplerOptions>(
  function sampler(app, options, done) {
    const intervalMs = options.intervalMs ?? 2_000
    const samples = new Sampler({
      clock: options.clock ?? systemClock,
      cells: readSamplerCells(app.gatewayState),
      intervalMs,
      capacity: options.capacity ?? 450,
      endpoints: () => app.endpointRegistry.snapshot.endpoints,
      tokensInFlight: () => app.proxyEngine.tokensInFlight(),
      eventsDropped: () => app.gatewayEvents.dropped,
      onSample: (json) => app.eventHub.sample(json),
    })
    app.decorate('gatewaySamples', { intervalMs, json: () => samples.json() })
    app.addHook('onReady', function start(ready) {
      samples.start()
      ready()
    })
    app.addHook('onClose', function stop(_app, closed) {
      samples.stop()
      closed()
    })
    done()
  },
  {
    name: 'gateway-sampler',
    fastify: '5.x',
    dependencies: [
      'gateway-events',
      'gateway-state',
      'gateway-endpoint-registry',
      'gateway-proxy-engine',
      'gateway-event-log',
    ],
  },
)
