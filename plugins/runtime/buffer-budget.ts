/**
 * Limits the memory that bodies and pending answers use together. Decorates `bufferBudget`; depends on the shared
 * cells. On close it drops the requests that wait for memory.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { BufferBudget, bufferCells } from '../../src/kernel/memory/buffer-budget.ts'
import { bufferedLimit, patienceFor } from '../../src/kernel/memory/memory-limit.ts'

/**
 * Reads `server.request_limits.max_buffered_bytes`, and `server.read_timeout` for how long requests wait for memory.
 */
export interface BufferBudgetPluginOptions extends Sections<'server'> {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    bufferBudget: BufferBudget
  }
}

export default fp<BufferBudgetPluginOptions>(
  async function bufferBudget(app, options) {
    const { requestLimits, readTimeoutMs } = readSections(options, ['server'], ['clock']).server
    const limitBytes = bufferedLimit(requestLimits.maxBufferedBytes)
    const patienceMs = patienceFor(readTimeoutMs)
    const clock = options.clock ?? systemClock
    const budget = new BufferBudget(app.gatewayState.of(bufferCells), clock, { limitBytes, patienceMs })
    app.decorate('bufferBudget', budget)
    app.addHook('onClose', function stop(_app, closed) {
      budget.stop()
      closed()
    })
  },
  { name: 'gateway-buffer-budget', fastify: '5.x', dependencies: ['gateway-state'] },
)
