/**
 * Keeps what the host has put on its app from breaking requests: `answerObserver` and `requestAffinity`. What one of
 * them throws is logged, and the request goes on without it. Decorates them anew in the gateway's own scope, where the
 * host has them; depends on nothing, and holds nothing to close.
 */
import fp from 'fastify-plugin'
import { guardedAffinity, guardedObserve } from '../../src/proxy/exchange/guarded.ts'

export default fp(
  function hostExtensions(app, _options, done) {
    const { answerObserver, requestAffinity } = app
    const onError = (error: unknown, part: string) =>
      app.log.error({ err: error, part }, 'a part of the host failed')
    if (answerObserver !== undefined)
      app.decorate('answerObserver', guardedObserve(answerObserver, 'answerObserver', onError))
    if (requestAffinity !== undefined)
      app.decorate('requestAffinity', guardedAffinity(requestAffinity, onError))
    done()
  },
  { name: 'gateway-host-extensions', fastify: '5.x' },
)
