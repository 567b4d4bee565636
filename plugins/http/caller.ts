/**
 * Lets the host say who a request comes from, by a name instead of an address: limits, log lines, statistics and
 * sessions go by it. Decorates nothing, sets `request.gateway.caller`; depends on the request context. Without
 * `identify` it installs no hook.
 */
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { GatewayError } from '../../src/kernel/errors.ts'

export interface CallerOptions {
  /**
   * Names the caller of a request, by what the host's own hooks have found out or by its headers. Undefined
   * leaves it to the client's address. Whatever it throws or rejects with refuses the request with 401, a
   * `GatewayError` with its own status.
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
