/**
 * Holds the hooks that run around each request and its attempts. Decorates `requestHooks`, to which plugins add their
 * own; depends on nothing, and needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { RequestHookList, type RequestHooks } from '../../src/proxy/request/hooks.ts'

export interface RequestHooksOptions {
  /** The host's hooks. */
  readonly hooks?: RequestHooks | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    requestHooks: RequestHookList
  }
}

export default fp<RequestHooksOptions>(
  function requestHooks(app, { hooks }, done) {
    const list = new RequestHookList((error, hook) =>
      app.log.error({ err: error, hook }, 'a request hook threw'),
    )
    if (hooks !== undefined) list.add(hooks)
    app.decorate('requestHooks', list)
    done()
  },
  { name: 'gateway-request-hooks', fastify: '5.x' },
)
