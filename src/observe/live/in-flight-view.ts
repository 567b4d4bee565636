import { type Static, Type } from '@sinclair/typebox'
import { formatTime } from '../../kernel/format.ts'
import type { ExchangePhase } from '../../proxy/exchange/exchange-phase.ts'
import type { ActiveExchange } from '../../proxy/exchange/exchange-services.ts'
import { Choice, Count, NullableText, Text, Time } from '../views/fields.ts'
import { NullableFlag, NullableNumber, RoutingField, tenths } from './fields.ts'
import { pathOf } from './recent-requests.ts'

const phases = [
  'choosing',
  'queued',
  'backoff',
  'connecting',
  'waiting',
  'gathering',
  'relaying',
  'stalled',
  'over',
] as const satisfies readonly ExchangePhase[]

const InFlightRow = Type.Object({
  id: Text('Unique; what `DELETE /internal/inflight/{id}` takes.'),
  request_id: Text('The ID that the client sees, and may have chosen.'),
  thread: Count('Serving thread.'),
  method: Text(),
  path: Text('Without the query.'),
  dialect: Text(),
  client: Text('Address, or the name of the caller.'),
  key_id: NullableText('ID of its API key; null without keys.'),
  started_at: Time(),
  age_ms: Type.Number(),
  phase: Choice(phases),
  model: NullableText('As requested.'),
  endpoint: NullableText('The endpoint of the current attempt.'),
  attempt: Count('Counts from 1; 0 before the first.'),
  stream: NullableFlag('Null before the answer starts.'),
  status: NullableNumber('Bytes sent to the client.'),
  first_byte_ms: NullableNumber(),
  first_token_ms: NullableNumber(),
  request_bytes: Count(),
  response_bytes: Count(),
  completion_tokens: NullableNumber('Counted during a stream; null for other answers.'),
  tokens_per_second: NullableNumber('Since the first token.'),
  routing: RoutingField,
})

export const InFlightSchema = Type.Object({
  at: Time(),
  total: Count('All requests in flight, including those that are not listed.'),
  requests: Type.Array(InFlightRow, { description: 'Oldest first.' }),
})

export const CancelledSchema = Type.Object({
  id: Text(),
  request_id: Text(),
  cancelled: Type.Literal(true),
})

export type InFlightRow = Static<typeof InFlightRow>

export interface ViewMoment {
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number
  readonly monotonicMs: number
}

/** An in-flight request as listed by `/internal/inflight`. */
export function inFlightRow(
  exchange: ActiveExchange,
  id: string,
  thread: number,
  { nowMs, monotonicMs }: ViewMoment,
): InFlightRow {
  const { context } = exchange
  const ageMs = monotonicMs - context.startedAtMs
  const firstTokenMs = context.answer?.firstTokenMs
  const tokens = context.isStream === true ? (context.answer?.contentEvents ?? null) : null
  const generationMs = ageMs - (firstTokenMs ?? ageMs)
  return {
    id,
    request_id: context.id,
    thread,
    method: context.method,
    path: pathOf(context.url),
    dialect: context.dialect.name,
    client: context.caller ?? context.clientAddress,
    key_id: context.identity?.keyId ?? null,
    started_at: formatTime(nowMs - ageMs),
    age_ms: Math.round(ageMs),
    phase: exchange.phase,
    model: context.model ?? null,
    endpoint: context.lastEndpoint ?? null,
    attempt: context.attemptCount,
    stream: context.isStream ?? null,
    status: context.status ?? null,
    first_byte_ms: tenths(context.firstByteMs),
    first_token_ms: tenths(firstTokenMs),
    request_bytes: context.requestBytes,
    response_bytes: exchange.responseBytes,
    completion_tokens: tokens,
    tokens_per_second: tokens === null || generationMs <= 0 ? null : tenths((tokens * 1000) / generationMs),
    routing: {
      strategy: context.routingStrategy ?? null,
      decision: context.routingDecision ?? null,
      reason: context.routingReason ?? null,
    },
  }
}
