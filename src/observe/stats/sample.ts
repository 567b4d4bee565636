/** Activity within one interval, for charts. */
export interface Sample {
  /** End of the interval in epoch milliseconds. */
  readonly at_ms: number
  readonly interval_ms: number
  readonly requests: number
  readonly successes: number
  readonly failures: number
  readonly rejections: number
  readonly client_closed: number
  readonly cancelled: number
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly request_bytes: number
  readonly response_bytes: number
  readonly in_flight: number
  readonly waiting: number
  readonly first_token_ms: Percentiles | null
  readonly duration_ms: Percentiles | null
  readonly events_dropped: number
  /** By endpoint ID, only endpoints with activity. */
  readonly endpoints: Readonly<Record<string, EndpointSample>>
}

/** In flight now; requests and failures within the interval; mean time to the first byte, null without one. */
export type EndpointSample = readonly [
  inFlight: number,
  requests: number,
  failures: number,
  firstByteMs: number | null,
]

export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
}
