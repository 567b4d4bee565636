/**
 * What engines report about their load. Decorates `engineSignals`, which all threads read; where endpoints are probed, it
 * reads the engines from when the app is ready until close. Depends on the shared cells, the registry and the connection
 * pools. Uses if present: `gatewayPeers`.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { EnginePoller } from '../../src/endpoints/engines/engine-poller.ts'
import { EngineSignals } from '../../src/endpoints/engines/engine-signals.ts'
import { staleAfterMs } from '../../src/endpoints/engines/poll-schedule.ts'
import { signalCells } from '../../src/endpoints/engines/signal-cells.ts'
import { BoundedQueue } from '../../src/kernel/bounded-queue.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { version as packageVersion } from '../../src/kernel/package.ts'

export interface EngineSignalsOptions extends Sections<'discovery'> {
  /** Time between two readings. Default: as `discovery.signals.interval` says. */
  readonly intervalMs?: number
  /** Requests of this gateway at an endpoint, of all threads. Default: none. */
  readonly inFlight?: (slot: number) => number
  /** 0 to 1; the random part of intervals. Default `Math.random`. */
  readonly random?: () => number
  /** For `User-Agent`. Defaults to the package's version. */
  readonly version?: string
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    engineSignals?: EngineSignals
  }
}

const concurrentReads = 10

export default fp<EngineSignalsOptions>(
  async function engineSignals(app, options) {
    const { discovery } = readSections(
      options,
      ['discovery'],
      ['intervalMs', 'inFlight', 'random', 'version', 'clock'],
    )
    const intervalMs = options.intervalMs ?? discovery.signals.intervalMs ?? 0
    const {
      clock = systemClock,
      random = Math.random,
      inFlight = () => 0,
      version = packageVersion,
    } = options
    const { gatewayState } = app
    const signals = new EngineSignals(clock, gatewayState.of(signalCells), staleAfterMs(intervalMs))
    app.decorate('engineSignals', signals)
    if (app.hasDecorator('gatewayPeers') && !app.gatewayPeers.isControl) return
    const poller = new EnginePoller(
      {
        clock,
        registry: app.endpointRegistry,
        signals,
        fetch: app.upstreamFetch,
        queue: new BoundedQueue({
          concurrency: concurrentReads,
          capacity: Math.max(64, gatewayState.capacities.endpoints),
        }),
        inFlight,
        userAgent: `olla-gateway-Signals/${version}`,
      },
      { intervalMs, random },
    )
    app.addHook('onReady', function start(ready) {
      poller.start()
      ready()
    })
    app.addHook('onClose', function stop(_app, closed) {
      poller.stop()
      closed()
    })
  },
  {
    name: 'gateway-engine-signals',
    fastify: '5.x',
    dependencies: ['gateway-state', 'gateway-endpoint-registry', 'gateway-upstream-pools'],
  },
)
