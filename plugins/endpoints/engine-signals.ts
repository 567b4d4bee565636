/**
 * What engines report about their load. Decorates `engineSignals`, which all threads read; undefined while no engine is
 * read. Where endpoints are probed, it reads the engines from when the app is ready until close, while the configuration
 * wants it. Depends on the shared cells, the registry and the connection pools. Uses if present: `gatewayPeers`,
 * `configVersions`.
 */
import fp from 'fastify-plugin'
import { signalsIntervalMs } from '../../src/config/options/derived.ts'
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
    const {
      clock = systemClock,
      random = Math.random,
      inFlight = () => 0,
      version = packageVersion,
    } = options
    const { gatewayState } = app
    const isReader = !app.hasDecorator('gatewayPeers') || app.gatewayPeers.isControl
    let intervalMs = options.intervalMs ?? discovery.signals.intervalMs ?? 0
    let parts: { readonly signals: EngineSignals; readonly poller: EnginePoller | undefined } | undefined
    const create = () => {
      const signals = new EngineSignals(clock, gatewayState.of(signalCells), staleAfterMs(intervalMs))
      if (!isReader) return { signals, poller: undefined }
      const queue = new BoundedQueue({
        concurrency: concurrentReads,
        capacity: Math.max(64, gatewayState.capacities.endpoints),
      })
      const { endpointRegistry: registry, upstreamFetch: fetch } = app
      const userAgent = `olla-gateway-Signals/${version}`
      const poller = new EnginePoller(
        { clock, registry, signals, fetch, queue, inFlight, userAgent },
        { random },
      )
      return { signals, poller }
    }
    if (intervalMs > 0) parts = create()
    app.decorate('engineSignals', { getter: () => (intervalMs > 0 ? parts?.signals : undefined) })
    if (app.hasDecorator('configVersions')) {
      app.configVersions.follow(({ config }) => {
        const nextMs = signalsIntervalMs(config)
        if (nextMs === intervalMs) return undefined
        if (nextMs > 0) parts ??= create()
        return () => {
          intervalMs = nextMs
          parts?.signals.use(staleAfterMs(nextMs))
          if (nextMs > 0) parts?.poller?.start(nextMs)
          else parts?.poller?.stop()
        }
      })
    }
    if (!isReader) return
    app.addHook('onReady', function start(ready) {
      if (intervalMs > 0) parts?.poller?.start(intervalMs)
      ready()
    })
    app.addHook('onClose', function stop(_app, closed) {
      parts?.poller?.stop()
      closed()
    })
  },
  {
    name: 'gateway-engine-signals',
    fastify: '5.x',
    dependencies: ['gateway-state', 'gateway-endpoint-registry', 'gateway-upstream-pools'],
  },
)
