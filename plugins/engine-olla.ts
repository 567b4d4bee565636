/**
 * The default engine's transport: undici dispatches straight into the attempt. Decorates
 * `upstreamTransport`; depends on the upstream pools, which it leaves to their owner on close.
 */
import fp from 'fastify-plugin'
import { PoolTransport } from '../src/upstream/pool-transport.ts'
import type { Transport } from '../src/upstream/transport.ts'

declare module 'fastify' {
  interface FastifyInstance {
    upstreamTransport: Transport
  }
}

export default fp(
  function engineOlla(app, _options, done) {
    app.decorate('upstreamTransport', new PoolTransport(app.upstreamPools))
    done()
  },
  { name: 'gateway-engine', fastify: '5.x', dependencies: ['gateway-upstream-pools'] },
)
