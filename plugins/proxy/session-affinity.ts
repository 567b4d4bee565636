/**
 * Keeps the turns of a conversation on the endpoint that still holds their cache. Decorates `sessionAffinity`
 * and, for the proxy engine, `requestAffinity`, unless the host has put its own there; depends on the
 * request context, the event bus, the cells, the registry and the endpoints' load. Without `enabled` it decorates `sessionAffinity` with
 * undefined and installs nothing. An endpoint that goes offline loses its sessions.
 */

import fp from 'fastify-plugin'
import type { KeySource } from '../../src/config/schema/key-sources.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { guardedAffinity } from '../../src/proxy/exchange/guarded.ts'
import { RequestSessions, sessionHeaders } from '../../src/proxy/request/request-sessions.ts'
import { HeadMemory } from '../../src/routing/affinity/head-memory.ts'
import { SessionKeys } from '../../src/routing/affinity/key-sources.ts'
import { SessionAffinity } from '../../src/routing/affinity/session-affinity.ts'
import { boundSessionCells, sessionCells } from '../../src/routing/affinity/session-cells.ts'
import { LocalSessionStore, type SessionStore } from '../../src/routing/affinity/session-store.ts'
import { SharedSessionStore } from '../../src/routing/affinity/shared-session-store.ts'

export interface SessionAffinityOptions {
  /** Default false. */
  readonly enabled?: boolean
  /** Where a session's key is taken from, in order. */
  readonly sources?: readonly KeySource[]
  /** Milliseconds without a request after which a session is forgotten; 0 never. Default 600,000. */
  readonly idleTtlMs?: number
  /** Most sessions. Default 10,000. */
  readonly maxSessions?: number
  /** Size of the blocks that a prompt without turns is cut into; bytes. Default 512. */
  readonly blockBytes?: number
  /** How many times its part of the load an endpoint may have, and one request; 0 is no bound. Default 1.5. */
  readonly loadBound?: number
  /** Whether higher priorities come first. Default true. */
  readonly priorityTiers?: boolean
  /** Where sessions are kept. Default in this process; with several threads, in the shared cells. */
  readonly store?: SessionStore | undefined
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    sessionAffinity?: RequestSessions | undefined
  }
}

const defaultSources: readonly KeySource[] = [
  'session_header',
  'previous_response_id',
  'prompt_cache_key',
  'prefix_hash',
  'auth_header',
]

export default fp<SessionAffinityOptions>(
  function sessionAffinity(app, options, done) {
    if (options.enabled !== true) {
      app.decorate('sessionAffinity', undefined)
      done()
      return
    }
    const clock = options.clock ?? systemClock
    const idleTtlMs = options.idleTtlMs ?? 600_000
    const bounds = { clock, maxSessions: options.maxSessions ?? 10_000, idleTtlMs }
    const state = app.gatewayState
    const { counts } = state.of(sessionCells)
    const store =
      options.store ??
      (state.threads > 1
        ? new SharedSessionStore(bounds, { ...state.of(boundSessionCells(bounds.maxSessions)), counts })
        : new LocalSessionStore(bounds))
    const affinity = new SessionAffinity(
      { store, heads: new HeadMemory(clock, idleTtlMs), load: app.endpointLoad },
      { priorityTiers: options.priorityTiers ?? true, loadBound: options.loadBound ?? 1.5 },
    )
    const sources = options.sources ?? defaultSources
    const sessions = new RequestSessions({
      affinity,
      keys: new SessionKeys({ sources, blockBytes: options.blockBytes ?? 512 }),
      counters: counts,
    })
    app.decorate('sessionAffinity', sessions)
    const onError = (error: unknown, part: string) =>
      app.log.error({ err: error, part }, 'a part of the host failed')
    if (!app.hasDecorator('requestAffinity')) {
      const isOwn = options.store === undefined
      app.decorate('requestAffinity', isOwn ? sessions : guardedAffinity(sessions, onError))
    }

    // Of an answer that no endpoint has given.
    app.addHook('onSend', function tell(request, reply, payload, next) {
      const session = request.gateway?.session
      const headers = session === undefined ? [] : sessionHeaders(session)
      for (let at = 0; at < headers.length; at += 2) reply.header(headers[at] ?? '', headers[at + 1])
      next(null, payload)
    })
    // Busy, or limited for a while, it still has its caches; gone, it has begun anew when it is back.
    const subscription = app.gatewayEvents.subscribe(
      (event) => {
        if (event.type !== 'endpoint.status' || event.data.to !== 'offline') return
        const slot = app.endpointRegistry.snapshot.byName.get(event.data.endpoint)?.slot
        if (slot !== undefined) affinity.purge(slot)
      },
      { types: ['endpoint.status'], capacity: 1_000 },
    )
    app.addHook('onClose', function stop(_app, closed) {
      subscription.close()
      closed()
    })
    done()
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
