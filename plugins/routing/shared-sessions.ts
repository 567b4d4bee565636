/**
 * Exchanges new sessions with the other replicas, so that a conversation continues on its endpoint through any of them;
 * the control thread registers it. Decorates nothing; depends on the cluster, the registry and the link to the other
 * threads. Needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { exchangeSessions } from '../../src/routing/affinity/exchange-sessions.ts'
import {
  knownSessionsTopic,
  sessionsBoundTopic,
  sessionsLearnedTopic,
} from '../../src/routing/affinity/replicated-session-store.ts'

/** Reads `proxy.sticky_sessions`. */
export interface SharedSessionsOptions extends Sections<'proxy'> {
  readonly clock?: Clock
}

export default fp<SharedSessionsOptions>(
  async function sharedSessions(app, options) {
    const { stickySessions } = readSections(options, ['proxy'], ['clock']).proxy
    if (!stickySessions.enabled) return
    const { cluster, endpointRegistry: registry, gatewayPeers: link } = app
    const sessions = exchangeSessions(cluster, {
      clock: options.clock ?? systemClock,
      maxSessions: stickySessions.maxSessions,
      nameOf: (slot) => registry.snapshot.bySlot[slot]?.name,
      slotOf: (name) => registry.snapshot.byName.get(name)?.slot,
      learn(bound, areOld) {
        const learned = { bound, areOld }
        // All threads have one store.
        if (link.threads > 1) link.send(0, sessionsLearnedTopic, learned)
        else void link.requestAll(sessionsLearnedTopic, learned)
      },
    })
    link.on(sessionsBoundTopic, sessions.bound)
    link.on(knownSessionsTopic, sessions.known)
  },
  {
    name: 'gateway-shared-sessions',
    fastify: '5.x',
    dependencies: ['gateway-cluster', 'gateway-endpoint-registry', 'gateway-peers'],
  },
)
