/**
 * Provides the link to the gateway's other threads. Decorates `gatewayPeers`; depends on nothing. With one thread it
 * answers itself; needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { LocalLink } from '../../src/runtime/links/local-link.ts'
import type { PeerLink } from '../../src/runtime/links/peer-link.ts'

export interface PeersOptions {
  /** The link of one of several threads. Default: this thread is the only one. */
  readonly link?: PeerLink | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    gatewayPeers: PeerLink
  }
}

export default fp<PeersOptions>(
  function peers(app, options, done) {
    const onFailure = (error: unknown, topic: string) =>
      app.log.error({ err: error, topic }, 'a handler of a message between threads failed')
    app.decorate('gatewayPeers', options.link ?? new LocalLink(onFailure))
    done()
  },
  { name: 'gateway-peers', fastify: '5.x' },
)
