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
  inexact_since: Type.Union([Time(), Type.Null()], { description: 'Null while all is exact.' }),
  round_trip_ms: Type.Union([Type.Number(), Type.Null()], { description: 'Of the last heartbeat.' }),
  members: Type.Array(
    Type.Object({
      id: Type.String(),
      version: Type.String(),
      host: Type.String(),
      uptime_ms: Milliseconds('By its own clock.'),
      in_flight: Count('Requests in flight at its last heartbeat.'),
      requests: Type.Union([Type.Integer(), Type.Null()], {
        description: 'Requests that have ended since its start, at its last heartbeat.',
      }),
      round_trip_ms: Type.Union([Type.Number(), Type.Null()], { description: 'Of its heartbeat before.' }),
      lag_ms: Milliseconds(
        'Since its last heartbeat, by the clock of the server, when this replica sent its own.',
      ),
      probes: Count('Endpoints that it probes for all.'),
    }),
    { description: 'At the last heartbeat that the server answered.' },
  ),
  endpoints: Type.Array(
    Type.Object({
      name: Type.String(),
      probed_by: Type.Union([Type.String(), Type.Null()], {
        description: 'Replica that probes it for all; null if each replica does.',
      }),
      in_flight: Count('Requests in flight of all members at their last heartbeats.'),
    }),
    { description: 'Endpoints of the replica that answers.' },
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
  const { counts, members, probes } = view
  const led = new Map<string, number>()
  for (const { replica } of probes) if (replica !== undefined) led.set(replica, (led.get(replica) ?? 0) + 1)
  const isExact = view.inexact.length === 0
  return {
    timestamp: formatTime(nowMs),
    replica: view.replica,
    state: view.state,
    since: formatTime(view.sinceMs),
    reason: view.reason ?? null,
    inexact: [...view.inexact],
    inexact_since: isExact ? null : formatTime(view.sinceMs),
    round_trip_ms: view.roundTripMs ?? null,
    members: members.map(({ id, version, host, startedAtMs, load, requests, roundTripMs, ageMs }) => ({
      id,
      version,
      host,
      uptime_ms: Math.max(0, Math.round(nowMs - startedAtMs)),
      in_flight: Object.values(load).reduce((sum, count) => sum + count, 0),
      requests: requests ?? null,
      round_trip_ms: roundTripMs ?? null,
      lag_ms: Math.round(ageMs),
      probes: led.get(id) ?? (probes.some(({ replica }) => replica === undefined) ? probes.length : 0),
    })),
    endpoints: probes.map(({ endpoint, replica }) => ({
      name: endpoint,
      probed_by: replica ?? null,
      in_flight: members.reduce((sum, { load }) => sum + (load[endpoint] ?? 0), 0),
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
