/** `/internal/process`: memory, garbage collection and event loop of this process. */

import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { readProcessCounts } from '../../src/observe/stats/process-counts.ts'
import { ProcessSchema, processView } from '../../src/observe/views/process.ts'
import { processCells } from '../../src/runtime/process/process-cells.ts'
import { ignoreBodies } from './any-method.ts'

export interface InternalProcessOptions {
  readonly clock?: Clock
}

export default fp<InternalProcessOptions>(
  function internalProcess(app, options, done) {
    const clock = options.clock ?? systemClock
    const counted = app.gatewayState.of(processCells)
    ignoreBodies(app)
    app.route({
      method: app.supportedMethods,
      url: '/internal/process',
      config: { internalAccess: 'olla' },
      exposeHeadRoute: false,
      schema: { response: { 200: ProcessSchema } },
      handler: async () => {
        const { bufferBudget, gatewayPeers, processReadings } = app
        const own = { thread: gatewayPeers.thread, reading: processReadings.own() }
        const threads = await processReadings.all()
        return processView(own, threads, clock.nowMs(), readProcessCounts(counted), bufferBudget)
      },
    })
    done()
  },
  {
    name: 'gateway-routes-internal-process',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      'gateway-internal-access',
      'gateway-buffer-budget',
      'gateway-state',
      'gateway-peers',
      'gateway-process-readings',
    ],
  },
)
