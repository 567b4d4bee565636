/**
 * Sends a request to the endpoint that has its state. Decorates `storedResponses`, for requests that continue or name a
 * stored response of the Responses API, and `sessionAffinity`, which keeps the turns of a conversation on the endpoint
 * that still has them cached; for the proxy engine also `requestAffinity`, unless the host has decorated it. Depends on
 * the request context, the event bus, the cells, the registry and the endpoints' load. Without `enabled` it decorates
 * `sessionAffinity` with undefined and installs nothing for it. An endpoint that goes offline, or becomes another
 * server, loses its sessions. Uses if present: `configVersions`, `clusterState`, `gatewayPeers`.
 */

import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { hasPriorityTiers } from '../../src/config/options/derived.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { isSameServer } from '../../src/endpoints/registry/next-endpoints.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { guardedAffinity } from '../../src/proxy/exchange/guarded.ts'
import { featuresOf } from '../../src/proxy/request/request-latency.ts'
import { RequestSessions, sessionHeaders } from '../../src/proxy/request/request-sessions.ts'
import { StoredResponses, storedResponseCells } from '../../src/proxy/request/stored-responses.ts'
import { HeadMemory } from '../../src/routing/affinity/head-memory.ts'
import { SessionKeys } from '../../src/routing/affinity/key-sources.ts'
import {
  responsesLearnedTopic,
  responsesStoredTopic,
} from '../../src/routing/affinity/replicated-responses.ts'
import {
  knownSessionsTopic,
  ReplicatedSessionStore,
  sessionsBoundTopic,
  sessionsLearnedTopic,
} from '../../src/routing/affinity/replicated-session-store.ts'
import { SessionAffinity } from '../../src/routing/affinity/session-affinity.ts'
import { boundSessionCells, sessionCells } from '../../src/routing/affinity/session-cells.ts'
import { LocalSessionStore, type SessionStore } from '../../src/routing/affinity/session-store.ts'
import { SharedSessionStore } from '../../src/routing/affinity/shared-session-store.ts'
import { isTooSlow } from '../../src/routing/estimate/session-bound.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'
import type { PeerLink } from '../../src/runtime/links/peer-link.ts'

/** Reads `proxy.sticky_sessions`, and whether priorities are tiers. */
export interface SessionAffinityOptions extends Sections<'proxy'> {
  /** Where sessions are kept. Default: in this process; with several threads, in the shared cells. */
  readonly store?: SessionStore | undefined
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    sessionAffinity?: RequestSessions | undefined
    storedResponses: StoredResponses
  }
}

export default fp<SessionAffinityOptions>(
  async function sessionAffinity(app, options) {
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    const { proxy } = readSections(options, ['proxy'], ['store', 'clock'])
    const { stickySessions: sticky } = proxy
    const clock = options.clock ?? systemClock
    const state = app.gatewayState
    app.decorate('storedResponses', storedResponses(app, clock))
    if (!sticky.enabled) {
      app.decorate('sessionAffinity', undefined)
      return
    }
    const { endpointRegistry: registry, latencyEstimator } = app
    const idleTtlMs = sticky.idleTtlSeconds * 1000
    const bounds = { clock, maxSessions: sticky.maxSessions, idleTtlMs }
    const { counts } = state.of(sessionCells)
    const ownStore =
      options.store ??
      (state.threads > 1
        ? new SharedSessionStore(bounds, { ...state.of(boundSessionCells(bounds.maxSessions)), counts })
        : new LocalSessionStore(bounds))
    const replicated =
      options.store !== undefined || app.clusterState === undefined || !app.hasDecorator('gatewayPeers')
        ? undefined
        : replicate(ownStore, clock, app.gatewayPeers)
    if (replicated !== undefined && state.threads > 1) {
      // What came before this thread started.
      app.addHook('onReady', async () => {
        replicated.learn((await app.gatewayPeers.requestControl(knownSessionsTopic, null)) ?? [], true)
      })
    }
    const store = replicated ?? ownStore
    const affinity = new SessionAffinity(
      {
        store,
        heads: new HeadMemory(clock, idleTtlMs),
        load: app.endpointLoad,
        isOutOfService(slot) {
          const service = registry.service(slot)
          return service === 'draining' || service === 'drained'
        },
        isSlow(candidate, candidates, features, loadBound) {
          const estimator = latencyEstimator.current
          if (estimator === undefined) return undefined
          return isTooSlow(estimator, app.endpointLoad, candidate, candidates, features, loadBound)
        },
        replicas: app.clusterState,
      },
      { priorityTiers: hasPriorityTiers(proxy), loadBound: sticky.loadBound },
    )
    followSections(versions, ['proxy'], (next) => () => {
      const { loadBound } = next.proxy.stickySessions
      affinity.configure({ priorityTiers: hasPriorityTiers(next.proxy), loadBound })
    })
    const sessions = new RequestSessions({
      affinity,
      keys: new SessionKeys({ sources: sticky.keySources, blockBytes: sticky.prefixHashBytes }),
      counters: counts,
      featuresOf(request) {
        const estimator = latencyEstimator.current
        return estimator === undefined ? undefined : featuresOf(estimator, request)
      },
    })
    app.decorate('sessionAffinity', sessions)
    const onError = (error: unknown, part: string) =>
      app.log.error({ err: error, part }, 'a hook of the host application threw')
    if (!app.hasDecorator('requestAffinity')) {
      const isOwn = options.store === undefined
      app.decorate('requestAffinity', isOwn ? sessions : guardedAffinity(sessions, onError))
    }

    // For answers of the gateway itself.
    app.addHook('onSend', function addHeaders(request, reply, payload, next) {
      const session = request.gateway?.session
      const headers = session === undefined ? [] : sessionHeaders(session)
      for (let at = 0; at < headers.length; at += 2) reply.header(headers[at] ?? '', headers[at + 1])
      next(null, payload)
    })
    // A busy or rate-limited endpoint keeps its caches; one that was offline has lost them when it is back.
    const subscription = app.gatewayEvents.subscribe(
      (event) => {
        if (event.type !== 'endpoint.status' || event.data.to !== 'offline') return
        const slot = registry.snapshot.byName.get(event.data.endpoint)?.slot
        if (slot !== undefined) affinity.purge(slot)
      },
      { types: ['endpoint.status'], capacity: 1_000 },
    )
    // Another server has none of the sessions; an endpoint that returns under its name may still have them.
    const names: string[] = []
    for (const { slot, name } of registry.snapshot.endpoints) names[slot] = name
    registry.follow({
      present(endpoint, before) {
        const { slot, name } = endpoint
        const isOther = names[slot] !== undefined && names[slot] !== name
        if (isOther || (before !== undefined && !isSameServer(before, endpoint))) affinity.purge(slot)
        names[slot] = name
      },
    })
    app.addHook('onClose', function stop(_app, closed) {
      subscription.close()
      closed()
    })
  },
  {
    name: 'gateway-session-affinity',
    fastify: '5.x',
    dependencies: [
      'gateway-request-context',
      'gateway-events',
      'gateway-state',
      'gateway-endpoint-registry',
      'gateway-endpoint-selector',
    ],
  },
)

/** Replicas of a cluster exchange which endpoint has which response. */
function storedResponses(app: FastifyInstance, clock: Clock): StoredResponses {
  const cells = app.gatewayState.of(storedResponseCells)
  if (app.clusterState === undefined || !app.hasDecorator('gatewayPeers'))
    return new StoredResponses(clock, cells)
  const link = app.gatewayPeers
  const stored = new StoredResponses(clock, cells, (learned) =>
    link.sendToControl(responsesStoredTopic, learned),
  )
  link.on(responsesLearnedTopic, (learned) => {
    for (const [id, slot, caller] of learned) stored.learn(id, slot, caller)
  })
  return stored
}

/** A store whose new sessions the other replicas get, and that gets theirs. */
function replicate(store: SessionStore, clock: Clock, link: PeerLink): ReplicatedSessionStore {
  const replicated = new ReplicatedSessionStore(store, clock, (bound) =>
    link.sendToControl(sessionsBoundTopic, bound),
  )
  link.on(sessionsLearnedTopic, ({ bound, areOld }) => replicated.learn(bound, areOld))
  return replicated
}
