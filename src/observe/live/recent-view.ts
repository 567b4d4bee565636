import { type Static, Type } from '@sinclair/typebox'
import { translationText } from '../../dialects/translate/request-translation.ts'
import { formatTime } from '../../kernel/format.ts'
import type { AttemptRecord } from '../../proxy/contract/context.ts'
import { hedgeResults } from '../../proxy/contract/hedge-result.ts'
import { requestOutcomes } from '../../proxy/contract/outcome.ts'
import { EstimateField } from '../views/estimate.ts'
import { Choice, Count, NullableText, Text, Time } from '../views/fields.ts'
import { known, NullableFlag, NullableNumber, RoutingField, tenths } from './fields.ts'
import type { RecentRequest } from './recent-requests.ts'
import { timelineOf } from './timeline.ts'

const row = {
  id: Text('Unique.'),
  request_id: Text('The ID that the client sees, and may have chosen.'),
  thread: Count('Serving thread.'),
  method: Text(),
  path: Text('Without the query.'),
  dialect: Text(),
  client: Text('Address, or the name of the caller.'),
  key_id: NullableText('ID of its API key; null without keys.'),
  started_at: Time(),
  ended_at: Time(),
  duration_ms: Type.Number(),
  model: NullableText('As requested.'),
  endpoint: NullableText('The endpoint that answered.'),
  outcome: Choice(requestOutcomes),
  status: NullableNumber('Null if the client was sent none.'),
  error: NullableText('Code of the error table.'),
  stream: NullableFlag('Null if there was no answer.'),
  first_byte_ms: NullableNumber(),
  first_token_ms: NullableNumber(),
  tokens_per_second: NullableNumber(),
  request_bytes: Count(),
  response_bytes: Count(),
  prompt_tokens: NullableNumber(),
  completion_tokens: NullableNumber(),
  cached_tokens: NullableNumber(),
  routing: RoutingField,
  translation: NullableText(
    'The APIs of client and endpoint, such as `responses to chat`; null without a translation.',
  ),
  hedge: Type.Union([Choice(hedgeResults), Type.Null()], {
    description: 'Result of the second attempt, if the request got one because its first was late.',
  }),
  streamed_upstream: Type.Boolean({
    description: 'Whether the endpoint was asked for a stream that the client did not request.',
  }),
}

const RecentRow = Type.Object({ ...row, attempts: Count() })

export const RecentSchema = Type.Object({
  at: Time(),
  capacity: Count('Maximum requests kept, for all threads.'),
  total: Count('Number of requests kept now.'),
  matched: Count('Number that match, before the limit.'),
  requests: Type.Array(RecentRow, { description: 'Newest first.' }),
})

const AttemptField = Type.Object({
  endpoint: Text(),
  started_ms: Type.Number({ description: 'From receipt, as all times here.' }),
  connected_ms: NullableNumber('When the request had been sent.'),
  first_byte_ms: NullableNumber(),
  ended_ms: Type.Number(),
  status: NullableNumber(),
  outcome: Choice(['answered', 'failed', 'abandoned']),
  reason: NullableText('Why it failed or was aborted.'),
})

export const TimelineField = Type.Array(
  Type.Object({
    name: Text(),
    at_ms: Type.Number(),
    endpoint: NullableText(),
    translation: Type.Optional(Text('The APIs of client and endpoint, of the entry `translated`.')),
    estimate: Type.Optional(EstimateField),
  }),
  { description: 'What happened, in order; times from receipt.' },
)

export const RecentDetailSchema = Type.Object({
  ...row,
  attempts: Type.Array(AttemptField),
  timeline: TimelineField,
})

export type RecentRow = Static<typeof RecentRow>
export type RecentDetail = Static<typeof RecentDetailSchema>
type AttemptView = RecentDetail['attempts'][number]

/** A request as listed by `/internal/requests`. */
export function recentRow(request: RecentRequest, id: string, thread: number): RecentRow {
  return { ...common(request, id, thread), attempts: request.attemptCount }
}

/** A request as returned by `/internal/requests/{id}`. */
export function recentDetail(request: RecentRequest, id: string, thread: number): RecentDetail {
  const attempts = attemptsOf(request)
  return { ...common(request, id, thread), attempts, timeline: timelineOf(request, attempts) }
}

function common(request: RecentRequest, id: string, thread: number): Omit<RecentRow, 'attempts'> {
  return {
    id,
    request_id: request.requestId,
    thread,
    method: request.method,
    path: request.path,
    dialect: request.dialect,
    client: request.client,
    key_id: request.keyId ?? null,
    started_at: formatTime(request.endedAtMs - request.durationMs),
    ended_at: formatTime(request.endedAtMs),
    duration_ms: tenths(request.durationMs) ?? 0,
    model: request.model ?? null,
    endpoint: request.endpoint ?? null,
    outcome: request.outcome,
    status: known(request.status),
    error: request.error ?? null,
    stream: request.isStream ?? null,
    first_byte_ms: tenths(request.firstByteMs),
    first_token_ms: tenths(request.firstTokenMs),
    tokens_per_second: tenths(request.tokensPerSecond),
    request_bytes: request.requestBytes,
    response_bytes: request.responseBytes,
    prompt_tokens: known(request.promptTokens),
    completion_tokens: known(request.completionTokens),
    cached_tokens: known(request.cachedTokens),
    routing: {
      strategy: request.routingStrategy ?? null,
      decision: request.routingDecision ?? null,
      reason: request.routingReason ?? null,
    },
    translation: request.translation === undefined ? null : translationText(request.translation),
    hedge: request.hedge?.result ?? null,
    streamed_upstream: request.isStreamedUpstream,
  }
}

/** Failed attempts, one that lost its race against another, and the successful one, if any. */
function attemptsOf(request: RecentRequest): AttemptView[] {
  const { failedAttempts, attemptCount, outcome, hedge } = request
  const attempts = failedAttempts.map((attempt) => endedAttempt(attempt, 'failed'))
  const isBroken = request.error === 'upstream_broken' || request.error === 'upstream_timeout'
  const last = attempts.at(-1)
  // The response of the last attempt started and then broke.
  if (isBroken && last !== undefined && last.endpoint === request.endpoint) {
    last.first_byte_ms = tenths(request.firstByteMs)
  }
  const loser = hedge?.loser
  const ended = failedAttempts.length + (loser === undefined ? 0 : 1)
  if (attemptCount > ended && !Number.isNaN(request.attemptMs)) {
    const isAbandoned = outcome === 'client_closed' || outcome === 'cancelled'
    attempts.push({
      endpoint: request.lastEndpoint ?? '',
      started_ms: tenths(request.attemptMs) ?? 0,
      connected_ms: tenths(request.sentMs),
      first_byte_ms: tenths(request.firstByteMs),
      ended_ms: tenths(request.durationMs) ?? 0,
      status: known(request.status),
      outcome: isAbandoned ? 'abandoned' : 'answered',
      reason: null,
    })
  }
  return loser === undefined ? attempts : withLoser(attempts, endedAttempt(loser, 'abandoned'))
}

function endedAttempt(attempt: AttemptRecord, outcome: 'failed' | 'abandoned'): AttemptView {
  return {
    endpoint: attempt.endpoint,
    started_ms: tenths(attempt.startedMs) ?? 0,
    connected_ms: tenths(attempt.sentMs),
    first_byte_ms: null,
    ended_ms: tenths(attempt.startedMs + attempt.durationMs) ?? 0,
    status: attempt.statusCode ?? null,
    outcome,
    reason: attempt.reason,
  }
}

/** The attempt that answered stays the last one, although one that lost may have begun later. */
function withLoser(attempts: readonly AttemptView[], loser: AttemptView): AttemptView[] {
  return [...attempts.slice(0, -1), loser, ...attempts.slice(-1)]
}
