import { type Static, Type } from '@sinclair/typebox'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { RequestSessions } from '../../proxy/request/request-sessions.ts'
import type { SessionColumn } from '../../routing/affinity/session-cells.ts'

const OnSchema = Type.Object({
  enabled: Type.Literal(true),
  active_sessions: Type.Integer(),
  insertions: Type.Integer(),
  hits: Type.Integer(),
  misses: Type.Integer(),
  evictions: Type.Integer(),
  max_sessions: Type.Integer(),
  idle_ttl_seconds: Type.Integer(),
  repins: Type.Integer(),
  disabled: Type.Integer(),
  load_bound: Type.Number(),
  key_sources: Type.Array(Type.String()),
  endpoints: Type.Record(Type.String(), Type.Integer()),
})

export const StickySchema = Type.Union([OnSchema, Type.Object({ enabled: Type.Literal(false) })])

export type StickyView = Static<typeof StickySchema>

/**
 * `/internal/stats/sticky` (contract 1.6): Olla's fields, then requests that went elsewhere or had no key, and the
 * sessions of each endpoint.
 */
export function stickyView(
  sessions: RequestSessions | undefined,
  endpoints: readonly Endpoint[],
): StickyView {
  if (sessions === undefined) return { enabled: false }
  const { counters, affinity, sources } = sessions
  const { store, options } = affinity
  const count = (column: SessionColumn) => counters.sum(0, counters.column(column))
  return {
    enabled: true,
    active_sessions: store.size,
    insertions: store.insertions,
    hits: count('hits'),
    misses: count('misses'),
    evictions: store.evictions,
    max_sessions: store.capacity,
    idle_ttl_seconds: Math.round(store.idleTtlMs / 1000),
    repins: count('repins'),
    disabled: count('disabled'),
    load_bound: options.loadBound,
    key_sources: [...sources],
    endpoints: Object.fromEntries(endpoints.map(({ slot, name }) => [name, store.count(slot)])),
  }
}
