/**
 * Exchanges which endpoint has which stored response with the other replicas; the control thread registers it. Decorates
 * nothing; depends on the cluster, the registry and the link to the other threads. Needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import {
  type LearnedResponse,
  responsesLearnedTopic,
  responsesStoredTopic,
} from '../../src/routing/affinity/replicated-responses.ts'

export default fp(
  function sharedResponses(app, _options, done) {
    const { cluster, endpointRegistry: registry, gatewayPeers: link } = app
    link.on(responsesStoredTopic, (learned) => {
      const stored = learned.flatMap(([id, slot, caller]) => {
        const name = registry.snapshot.bySlot[slot]?.name
        return name === undefined ? [] : [[id, name, caller ?? null] as const]
      })
      cluster.publish('responses', { stored })
    })
    cluster.news.on('responses', ({ stored }) => {
      const learned = stored.flatMap(([id, name, caller]): LearnedResponse[] => {
        const slot = registry.snapshot.byName.get(name)?.slot
        return slot === undefined ? [] : [[id, slot, caller ?? undefined]]
      })
      // All threads have one store.
      if (link.threads > 1) link.send(0, responsesLearnedTopic, learned)
      else void link.requestAll(responsesLearnedTopic, learned)
    })
    done()
  },
  {
    name: 'gateway-shared-responses',
    fastify: '5.x',
    dependencies: ['gateway-cluster', 'gateway-endpoint-registry', 'gateway-peers'],
  },
)
