import { type Static, Type } from '@sinclair/typebox'
import type { ClusterView } from '../../cluster/contract/status.ts'
import { formatTime } from '../../kernel/format.ts'
import { Choice, Count, Milliseconds, Text, Time } from './fields.ts'

export const ClusterSchema = Type.Object({
  timestamp: Time(),
  replica: Text('ID of the replica that answers.'),
  state: Choice(['joining', 'joined', 'away']),
  since: Time(),
  reason: Type.Union([Type.String(), Type.Null()], { description: 'Why the server cannot be used.' }),
  inexact: Type.Array(Type.String(), { description: 'What is not exact while the server is away.' }),
  round_trip_ms: Type.Union([Type.Number(), Type.Null()], { description: 'Of the last heartbeat.' }),
  members: Type.Array(
    Type.Object({
      id: Type.String(),
      version: Type.String(),
      host: Type.String(),
      uptime_ms: Milliseconds('By its own clock.'),
      in_flight: Count('Requests in flight at its last heartbeat.'),
    }),
    { description: 'At the last heartbeat that the server answered.' },
  ),
  leases: Type.Array(
    Type.Object({
      endpoint: Type.String(),
      max_concurrent: Count(),
      held: Count('Places that the replica holds.'),
      in_use: Count(),
      allowed: Count('What requests may use: the lease, or the share while the server is away.'),
    }),
    { description: 'Places of endpoints with `max_concurrent`.' },
  ),
  calls: Count('Calls to the server since the start.'),
  failures: Count(),
  timeouts: Count(),
  outages: Count('Times that the server was away.'),
})

export function clusterView(view: ClusterView, nowMs: number): Static<typeof ClusterSchema> {
  const { counts } = view
  return {
    timestamp: formatTime(nowMs),
    replica: view.replica,
    state: view.state,
    since: formatTime(view.sinceMs),
    reason: view.reason ?? null,
    inexact: [...view.inexact],
    round_trip_ms: view.roundTripMs ?? null,
    members: view.members.map(({ id, version, host, startedAtMs, load }) => ({
      id,
      version,
      host,
      uptime_ms: Math.max(0, Math.round(nowMs - startedAtMs)),
      in_flight: Object.values(load).reduce((sum, count) => sum + count, 0),
    })),
    leases: view.leases.map(({ endpoint, maxConcurrent, held, inUse, allowed }) => ({
      endpoint,
      max_concurrent: maxConcurrent,
      held,
      in_use: inUse,
      allowed,
    })),
    calls: counts.calls,
    failures: counts.failures,
    timeouts: counts.timeouts,
    outages: counts.outages,
  }
}
