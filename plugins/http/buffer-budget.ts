/**
 * The memory that bodies and pending answers take up together. Decorates `bufferBudget`; depends on the shared cells.
 * On close those that wait for room are forgotten.
 */
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { BufferBudget, bufferCells } from '../../src/kernel/memory/buffer-budget.ts'

export interface BufferBudgetPluginOptions {
  /** Bytes of all threads together; 0 is no limit, which is the default. */
  readonly limitBytes?: number
  /** Milliseconds that a request waits for room. Default 5,000. */
  readonly patienceMs?: number
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    bufferBudget: BufferBudget
  }
}

export default fp<BufferBudgetPluginOptions>(
  function bufferBudget(app, { limitBytes = 0, patienceMs = 5_000, clock = systemClock }, done) {
    const budget = new BufferBudget(app.gatewayState.of(bufferCells), clock, { limitBytes, patienceMs })
    app.decorate('bufferBudget', budget)
    app.addHook('onClose', function stop(_app, closed) {
      budget.stop()
      closed()
    })
    done()
  },
  { name: 'gateway-buffer-budget', fastify: '5.x', dependencies: ['gateway-state'] },
)
