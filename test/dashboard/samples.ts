import type { Sample } from '../../dashboard/src/api/types.ts'

/** A quiet interval of two seconds, and what a test says of it. */
export function sampleAt(seconds: number, changes: Partial<Sample> = {}): Sample {
  return {
    at_ms: 1_800_000_000_000 + seconds * 1000,
    interval_ms: 2000,
    requests: 0,
    successes: 0,
    failures: 0,
    rejections: 0,
    client_closed: 0,
    cancelled: 0,
    prompt_tokens: 0,
    completion_tokens: 0,
    request_bytes: 0,
    response_bytes: 0,
    in_flight: 0,
    waiting: 0,
    first_token_ms: null,
    duration_ms: null,
    events_dropped: 0,
    endpoints: {},
    ...changes,
  }
}
