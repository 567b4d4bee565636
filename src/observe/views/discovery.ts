import { type Static, Type } from '@sinclair/typebox'
import type { DiscoveryView } from '../../endpoints/providers/found-endpoints.ts'
import { formatTime } from '../../kernel/format.ts'
import { Choice, Count, Text, Time } from './fields.ts'

const Nullable = (description: string) => Type.Union([Type.String(), Type.Null()], { description })

export const DiscoverySchema = Type.Object({
  timestamp: Time(),
  providers: Type.Array(
    Type.Object({
      name: Text(),
      type: Text(),
      state: Choice(['starting', 'ok', 'failing', 'unavailable']),
      reason: Nullable('Why the source cannot be read, or not in full.'),
      last_answer: Nullable('Time of the last complete answer.'),
      endpoints: Count('Endpoints that the source names.'),
    }),
  ),
  endpoints: Type.Array(
    Type.Object({
      name: Text(),
      url: Text(),
      provider: Text(),
      state: Choice(['active', 'pending', 'missing', 'not ready', 'held', 'duplicate', 'rejected']),
      since: Time(),
      problem: Nullable('Why an active endpoint cannot serve: its settings are not valid.'),
      labels: Type.Record(Type.String(), Type.String()),
    }),
  ),
})

export const ApprovalSchema = Type.Object({ endpoint: Text(), approved: Type.Boolean() })

export const RejectionSchema = Type.Object({ endpoint: Text(), rejected: Type.Boolean() })

export const RefreshSchema = Type.Object({ refreshing: Type.Boolean() })

export function discoveryView(
  { providers, endpoints }: DiscoveryView,
  nowMs: number,
): Static<typeof DiscoverySchema> {
  return {
    timestamp: formatTime(nowMs),
    providers: providers.map(({ name, kind, state, reason, lastAnswerMs, endpoints: count }) => ({
      name,
      type: kind,
      state,
      reason: reason ?? null,
      last_answer: lastAnswerMs === undefined ? null : formatTime(lastAnswerMs),
      endpoints: count,
    })),
    endpoints: endpoints.map(({ name, url, provider, state, sinceMs, problem, labels }) => ({
      name,
      url,
      provider,
      state,
      since: formatTime(sinceMs),
      problem: problem ?? null,
      labels: { ...labels },
    })),
  }
}
