/**
 * Decides for which requests the gateway asks an endpoint for a stream although the client asks for a whole answer.
 * Decorates `upstreamStreams`; depends on the registry and the model catalogue. A thread shares what it learns about endpoints with the others.
 * Without it, requests are streamed only as clients ask.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type StreamFact, StreamKnowledge } from '../../src/dialects/streamed/stream-knowledge.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { isRoutable } from '../../src/kernel/endpoint-status.ts'
import type { Topic } from '../../src/runtime/links/peer-link.ts'

/** Reads `proxy.stream_upstream`. */
export interface UpstreamStreamsOptions extends Sections<'proxy'> {
  readonly clock?: Clock
}

/** A thread has learned whether an endpoint streams. */
const learnedStream: Topic<StreamFact> = 'streams.learned'

declare module 'fastify' {
  interface FastifyInstance {
    upstreamStreams: StreamKnowledge
  }
}

export default fp<UpstreamStreamsOptions>(
  async function upstreamStreams(app, options) {
    const { proxy } = readSections(options, ['proxy'], ['clock'])
    const mode = proxy.streamUpstream
    if (mode === 'never') return
    const knowledge = new StreamKnowledge(
      mode,
      options.clock ?? systemClock,
      (slot) => app.modelCatalog.snapshot.byEndpoint.get(slot)?.serverVersion,
    )
    app.decorate('upstreamStreams', knowledge)
    knowledge.onLearned((fact) => app.gatewayPeers.broadcast(learnedStream, fact))
    const deaf = app.gatewayPeers.on(learnedStream, (fact) => {
      const endpoint = app.endpointRegistry.snapshot.bySlot[fact.slot]
      if (endpoint !== undefined) knowledge.take(fact, endpoint)
    })
    // An endpoint that was offline, or changed its backend type, may be another server.
    const subscription = app.gatewayEvents.subscribe(
      (event) => {
        if (event.type !== 'endpoint.status' && event.type !== 'endpoint.detected') return
        const isSame =
          event.type === 'endpoint.status' && isRoutable(event.data.to) === isRoutable(event.data.from)
        const endpoint = isSame ? undefined : app.endpointRegistry.snapshot.byName.get(event.data.endpoint)
        if (endpoint !== undefined) knowledge.forget(endpoint)
      },
      { types: ['endpoint.status', 'endpoint.detected'], capacity: 1_000 },
    )
    app.addHook('onClose', function stop(_app, closed) {
      subscription.close()
      deaf()
      closed()
    })
  },
  {
    name: 'gateway-upstream-streams',
    fastify: '5.x',
    dependencies: ['gateway-peers', 'gateway-events', 'gateway-endpoint-registry', 'gateway-model-discovery'],
  },
)
