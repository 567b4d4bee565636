/**
 * Exchanges new sessions with the other replicas, so that a conversation continues on its endpoint through any of them;
 * the control thread registers it. Decorates nothing; depends on the cluster, the registry and the link to the other
 * threads. Needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import {
  type BoundSession,
  sessionsBoundTopic,
  sessionsLearnedTopic,
} from '../../src/routing/affinity/replicated-session-store.ts'

export default fp(
  function sharedSessions(app, _options, done) {
    const { cluster, endpointRegistry: registry, gatewayPeers: link } = app
    link.on(sessionsBoundTopic, (bound) => {
      const named = bound.flatMap(([key, slot]) => {
        const name = registry.snapshot.bySlot[slot]?.name
        return name === undefined ? [] : [[key, name] as const]
      })
      cluster.publish('sessions', { bound: named })
    })
    cluster.news.on('sessions', ({ bound }) => {
      const learned = bound.flatMap(([key, name]): BoundSession[] => {
        const slot = registry.snapshot.byName.get(name)?.slot
        return slot === undefined ? [] : [[key, slot]]
      })
      // All threads have one store.
      if (link.threads > 1) link.send(0, sessionsLearnedTopic, learned)
      else void link.requestAll(sessionsLearnedTopic, learned)
    })
    cluster.add({ inexact: () => ['sessions: only those that this replica has bound'] })
    done()
  },
  {
    name: 'gateway-shared-sessions',
    fastify: '5.x',
    dependencies: ['gateway-cluster', 'gateway-endpoint-registry', 'gateway-peers'],
  },
)
