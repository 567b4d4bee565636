/**
 * Reads memory, garbage collection and event loop figures of the process and each of its serving threads. Decorates
 * `processReadings`; depends on the link to the other threads. Counts collections from start to close.
 */
import fp from 'fastify-plugin'
import { GcMonitor } from '../../src/observe/stats/gc-monitor.ts'
import {
  type ProcessReading,
  readProcess,
  type ThreadReading,
} from '../../src/observe/stats/process-reading.ts'
import type { Topic } from '../../src/runtime/links/peer-link.ts'

export interface ProcessReadings {
  /** Readings of this thread. */
  own(): ProcessReading
  /** Readings of all serving threads that answer in time. */
  all(): Promise<readonly ThreadReading[]>
}

declare module 'fastify' {
  interface FastifyInstance {
    processReadings: ProcessReadings
  }
}

const readingTopic: Topic<undefined, ThreadReading> = 'process.reading'

export default fp(
  function processReadings(app, _options, done) {
    const collections = new GcMonitor()
    const { gatewayPeers: peers } = app
    const own = () => readProcess(collections.totals())
    app.decorate('processReadings', { own, all: () => peers.requestAll(readingTopic, undefined) })
    const end = peers.on(readingTopic, () => ({ thread: peers.thread, reading: own() }))
    app.addHook('onReady', function start(ready) {
      collections.start()
      ready()
    })
    app.addHook('onClose', function stop(_app, closed) {
      end()
      collections.stop()
      closed()
    })
    done()
  },
  { name: 'gateway-process-readings', fastify: '5.x', dependencies: ['gateway-peers'] },
)
