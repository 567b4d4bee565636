import { type Static, Type } from '@sinclair/typebox'
import type { Timings } from '../stats/timings.ts'
import { present } from './fields.ts'

const Bound = (of: string) =>
  Type.Optional(Type.Number({ minimum: 0, description: `Milliseconds, ${of}; absent before the first.` }))

/** Percentiles, right within 5 %. */
export const timingFields = {
  p50_latency_ms: Bound('of successes (beyond Olla)'),
  p95_latency_ms: Bound('of successes (beyond Olla)'),
  p99_latency_ms: Bound('of successes (beyond Olla)'),
  p50_first_token_ms: Bound('from receipt to the first token of a stream (beyond Olla)'),
  p95_first_token_ms: Bound('from receipt to the first token of a stream (beyond Olla)'),
  p99_first_token_ms: Bound('from receipt to the first token of a stream (beyond Olla)'),
  p50_inter_token_ms: Bound('between two tokens (beyond Olla)'),
  p95_inter_token_ms: Bound('between two tokens (beyond Olla)'),
  p99_inter_token_ms: Bound('between two tokens (beyond Olla)'),
} as const

const TimingSchema = Type.Object(timingFields)

export function timingView({ duration, firstToken, interToken }: Timings): Static<typeof TimingSchema> {
  return present({
    p50_latency_ms: duration?.p50,
    p95_latency_ms: duration?.p95,
    p99_latency_ms: duration?.p99,
    p50_first_token_ms: firstToken?.p50,
    p95_first_token_ms: firstToken?.p95,
    p99_first_token_ms: firstToken?.p99,
    p50_inter_token_ms: interToken?.p50,
    p95_inter_token_ms: interToken?.p95,
    p99_inter_token_ms: interToken?.p99,
  })
}
