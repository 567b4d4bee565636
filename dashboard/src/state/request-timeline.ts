import type { Attempt, RequestDetail } from '../api/types.ts'

/** What a span of a request's time was spent on. */
export type SpanKind = 'routing' | 'queued' | 'connecting' | 'waiting' | 'relaying' | 'failed' | 'pause'

export interface Span {
  readonly kind: SpanKind
  readonly fromMs: number
  readonly toMs: number
}

/** One line of the timeline: the gateway itself, or an attempt at an endpoint. */
export interface Lane {
  readonly label: string
  readonly attempt: Attempt | undefined
  readonly spans: readonly Span[]
}

/** The lanes of a request's time, first the gateway's own, then one for each attempt. */
export function timelineLanes({ timeline, attempts, duration_ms }: RequestDetail): Lane[] {
  const at = (name: string) => timeline.find((entry) => entry.name === name)?.at_ms
  const firstAttempt = attempts[0]?.started_ms ?? duration_ms
  const queued = at('queued')
  const own: Span[] = []
  addSpan(own, 'routing', 0, queued ?? firstAttempt)
  if (queued !== undefined) addSpan(own, 'queued', queued, firstAttempt)
  for (const [index, attempt] of attempts.entries()) {
    const next = attempts[index + 1]
    // Between two attempts the gateway chooses another endpoint, or waits for another round.
    if (next !== undefined) addSpan(own, 'pause', attempt.ended_ms, next.started_ms)
  }
  return [
    { label: 'gateway', attempt: undefined, spans: own },
    ...attempts.map((attempt) => ({
      label: attempt.endpoint,
      attempt,
      spans: attemptSpans(attempt),
    })),
  ]
}

function attemptSpans({
  started_ms,
  connected_ms,
  first_byte_ms,
  ended_ms: ended,
  outcome,
}: Attempt): Span[] {
  const spans: Span[] = []
  if (outcome === 'failed') {
    addSpan(spans, 'connecting', started_ms, connected_ms ?? started_ms)
    addSpan(spans, 'failed', connected_ms ?? started_ms, ended)
    return spans
  }
  addSpan(spans, 'connecting', started_ms, connected_ms ?? first_byte_ms ?? ended)
  if (connected_ms !== null) addSpan(spans, 'waiting', connected_ms, first_byte_ms ?? ended)
  if (first_byte_ms !== null) addSpan(spans, 'relaying', first_byte_ms, ended)
  return spans
}

function addSpan(spans: Span[], kind: SpanKind, fromMs: number, toMs: number): void {
  if (toMs >= fromMs) spans.push({ kind, fromMs, toMs })
}
