/**
 * Refuses requests of the lowest priority first while this thread's event loop is late, or the memory for bodies is
 * nearly used up, before it reads their bodies. Decorates nothing; depends on the buffer budget, the event bus, the
 * shared cells and the request context. Routes of operators, and requests without a body to generate from (GET, HEAD,
 * OPTIONS), are never refused. Uses if present: `configVersions`. Stops its timer on close.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections, type SectionsRead } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { GatewayError } from '../../src/kernel/errors.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'
import { overloadCells } from '../../src/runtime/overload/overload-cells.ts'
import {
  type OverloadLimits,
  rankOf,
  refusedAt,
  retryAfterSeconds,
} from '../../src/runtime/overload/overload-level.ts'
import { OverloadWatch } from '../../src/runtime/overload/overload-watch.ts'

/** Reads `server.overload`. */
export interface OverloadOptions extends Sections<'server'> {
  readonly clock?: Clock
  /** From 0 to 1; `Math.random` by default. */
  readonly random?: () => number
}

const never: OverloadLimits = { lowMs: 0, normalMs: 0, highMs: 0, lowMemory: 0 }

export default fp<OverloadOptions>(
  async function overload(app, options) {
    const { server } = readSections(options, ['server'], ['clock', 'random'])
    const { clock = systemClock, random = Math.random } = options
    const { bufferBudget: budget, gatewayState: state, gatewayEvents: events } = app
    const { levels, refusals } = state.of(overloadCells)
    const watch = new OverloadWatch({
      clock,
      limits: limitsOf(server),
      memoryShare: () => (budget.limitBytes === 0 ? 0 : budget.heldBytes / budget.limitBytes),
      onChange({ from, to, delayMs, memoryShare }) {
        levels[state.thread] = to
        events.publish('overload.level', {
          thread: state.thread,
          from,
          to,
          refuses: [...refusedAt(to)],
          loopDelayMs: Math.round(delayMs),
          memoryPercent: Math.round(100 * memoryShare),
        })
      },
    })
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    followSections(versions, ['server'], (next) => () => {
      watch.limits = limitsOf(next.server)
    })
    app.addHook('onRequest', function refuseLowest({ gateway, method }, _reply, next) {
      if (watch.level === 0 || gateway.routeClass === 'internal' || isCheap(method)) {
        next()
        return
      }
      const priority = gateway.identity?.priority ?? 'normal'
      const rank = rankOf(priority)
      if (rank >= watch.level) {
        next()
        return
      }
      refusals.add(0, refusals.column(priority), 1)
      const seconds = retryAfterSeconds(watch.level, rank, random())
      next(new GatewayError('overloaded', undefined, { retryAfterSeconds: seconds }))
    })
    app.addHook('onReady', function start(ready) {
      watch.start()
      ready()
    })
    app.addHook('onClose', function stop(_app, closed) {
      watch.stop()
      closed()
    })
  },
  {
    name: 'gateway-overload',
    fastify: '5.x',
    dependencies: ['gateway-buffer-budget', 'gateway-events', 'gateway-state', 'gateway-request-context'],
  },
)

function limitsOf({ overload }: SectionsRead<'server'>['server']): OverloadLimits {
  if (!overload.enabled) return never
  const { lowDelayMs: lowMs, normalDelayMs: normalMs, highDelayMs: highMs, lowMemory } = overload
  return { lowMs, normalMs, highMs, lowMemory }
}

/** What monitors ask, and lists that the gateway answers itself. */
function isCheap(method: string): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS'
}
