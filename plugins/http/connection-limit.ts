/**
 * Counts and logs pauses at the limit of client connections, and pauses accepting when descriptors run short. Decorates
 * nothing; depends on the shared cells and `shortages`. Needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { listenerCells } from '../../src/http/connections/listener-cells.ts'
import { type CapableServer, kConnectionLimit } from '../../src/http/contract/capabilities.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'

export interface ConnectionLimitPluginOptions {
  readonly clock?: Clock
}

/** Minimum interval between log lines about the same shortage. */
const quietMs = 60_000

export default fp<ConnectionLimitPluginOptions>(
  function connectionLimit(app, { clock = systemClock }, done) {
    const { [kConnectionLimit]: limit }: CapableServer = app.server
    if (limit === undefined) {
      done()
      return
    }
    const { counts } = app.gatewayState.of(listenerCells)
    const pauses = counts.column('acceptPauses')
    const idle = counts.column('idleClosed')
    const mayLogPause = everyMs(clock, quietMs)
    const mayLogShortage = everyMs(clock, quietMs)
    limit.observe({
      paused() {
        counts.add(0, pauses, 1)
        if (mayLogPause())
          app.log.warn(
            {
              connections: limit.open,
              max_connections: limit.max === Number.POSITIVE_INFINITY ? 0 : limit.max,
            },
            'accepting pauses: the limit of client connections is reached',
          )
      },
      closedIdle: (connections) => counts.add(0, idle, connections),
    })
    app.shortages.onShortage((resource) => {
      if (mayLogShortage()) app.log.warn({ resource }, `the gateway is out of ${resource}`)
      if (resource === 'file descriptors') limit.shortage()
    })
    done()
  },
  {
    name: 'gateway-connection-limit',
    fastify: '5.x',
    dependencies: ['gateway-state', 'gateway-upstream-pools'],
  },
)

/** @returns a function that returns true at most once per interval */
function everyMs(clock: Clock, ms: number): () => boolean {
  let untilMs = Number.NEGATIVE_INFINITY
  return () => {
    const nowMs = clock.monotonicMs()
    if (nowMs < untilMs) return false
    untilMs = nowMs + ms
    return true
  }
}
