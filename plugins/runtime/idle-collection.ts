/**
 * Collects garbage once after the start, while no request is in flight. Decorates nothing; depends on the lifecycle.
 * For a standalone process: it would interrupt a host's own work. Stops on close.
 */
import { getHeapStatistics } from 'node:v8'
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { garbageCollector } from '../../src/runtime/lifecycle/collect-garbage.ts'
import { IdleCollection } from '../../src/runtime/lifecycle/idle-collection.ts'

export interface IdleCollectionPluginOptions {
  /** Number of requests that have ended so far. */
  readonly ended: () => number
  /** Runs a full collection; default V8's collection of this thread's heap. */
  readonly collect?: () => void
  readonly clock?: Clock
}

export default fp<IdleCollectionPluginOptions>(
  function idleCollection(app, { ended, collect, clock = systemClock }, done) {
    const { gatewayLifecycle: lifecycle } = app
    const collection = new IdleCollection({
      clock,
      inFlight: () => lifecycle.inFlight,
      ended,
      // `process.memoryUsage` opens a file and throws if no descriptor is left.
      usedHeapBytes: () => getHeapStatistics().used_heap_size,
      collect: collect ?? garbageCollector(),
    })
    app.addHook('onReady', function start(ready) {
      collection.start()
      ready()
    })
    app.addHook('onClose', function stop(_app, closed) {
      collection.stop()
      closed()
    })
    done()
  },
  { name: 'gateway-idle-collection', fastify: '5.x', dependencies: ['gateway-lifecycle'] },
)
