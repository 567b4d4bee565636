/**
 * Lets the host identify the caller of a request by a name instead of an address, for limits, log lines, statistics and
 * sessions. Decorates nothing, sets `request.gateway.caller`; depends on the request context. Without `identify` it
 * installs no hook.
 */
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { GatewayError } from '../../src/kernel/errors.ts'

export interface CallerOptions {
  /**
   * Returns the name of a request's caller, from what the host's own hooks found out or from its headers. Undefined
   * identifies the caller by the client's address. If it throws or rejects, the request is refused with 401, or with
   * the status of the `GatewayError` that it throws.
   */
  readonly identify?:
    | ((request: FastifyRequest) => string | undefined | Promise<string | undefined>)
    | undefined
}

export default fp<CallerOptions>(
  function caller(app, { identify }, done) {
    if (identify !== undefined) {
      app.addHook('onRequest', async function nameCaller(request) {
        try {
          request.gateway.caller = await identify(request)
        } catch (error) {
          throw error instanceof GatewayError
            ? error
            : new GatewayError('unauthorized', undefined, { cause: error })
        }
      })
    }
    done()
  },
  { name: 'gateway-caller', fastify: '5.x', dependencies: ['gateway-request-context'] },
)
