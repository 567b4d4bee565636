/**
 * Provides the simple engine's transport: undici, over the pools that also carry the gateway's own requests.
 * Decorates `upstreamTransport`; depends on the upstream pools, which close themselves.
 */
import fp from 'fastify-plugin'
import type { Transport } from '../../src/proxy/contract/transport.ts'
import { directTransport } from '../../src/proxy/transports/direct-transport.ts'

declare module 'fastify' {
  interface FastifyInstance {
    upstreamTransport: Transport
  }
}

export default fp(
  function engineSherpa(app, _options, done) {
    app.decorate('upstreamTransport', directTransport(app.upstreamPools))
    done()
  },
  { name: 'gateway-engine', fastify: '5.x', dependencies: ['gateway-upstream-pools'] },
)
