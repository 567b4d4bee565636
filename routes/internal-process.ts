/**
 * `/internal/process`: memory, garbage collection and event loop of this process. Counts collections from
 * start to close.
 */
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../src/clock.ts'
import { GcMonitor } from '../src/stats/gc-monitor.ts'
import { readProcess } from '../src/stats/process-reading.ts'
import { ProcessSchema, processView } from '../src/stats/views/process.ts'
import { ignoreBodies } from './support/any-method.ts'

export interface InternalProcessOptions {
  readonly clock?: Clock
}

export default fp<InternalProcessOptions>(
  function internalProcess(app, options, done) {
    const clock = options.clock ?? systemClock
    const collections = new GcMonitor()
    ignoreBodies(app)
    app.addHook('onReady', function start(ready) {
      collections.start()
      ready()
    })
    app.addHook('onClose', function stop(_app, closed) {
      collections.stop()
      closed()
    })
    app.route({
      method: app.supportedMethods,
      url: '/internal/process',
      exposeHeadRoute: false,
      schema: { response: { 200: ProcessSchema } },
      handler: () => processView(readProcess(collections.totals()), clock.nowMs()),
    })
    done()
  },
  { name: 'gateway-routes-internal-process', fastify: '5.x', encapsulate: true },
)
