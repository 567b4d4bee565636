/**
 * Sends a request that continues or names a stored response of the Responses API to the endpoint that has it. Decorates
 * `storedResponses`; depends on the shared cells, through which all threads share what they learn. Needs no cleanup on
 * close.
 */
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { StoredResponses, storedResponseCells } from '../../src/proxy/request/stored-responses.ts'

export interface StoredResponsesOptions {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    storedResponses: StoredResponses
  }
}

export default fp<StoredResponsesOptions>(
  function storedResponses(app, options, done) {
    app.decorate(
      'storedResponses',
      new StoredResponses(options.clock ?? systemClock, app.gatewayState.of(storedResponseCells)),
    )
    done()
  },
  { name: 'gateway-stored-responses', fastify: '5.x', dependencies: ['gateway-state'] },
)
