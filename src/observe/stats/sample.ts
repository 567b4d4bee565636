/** What happened in one interval, as charts want it. */
export interface Sample {
  /** Epoch milliseconds of its end. */
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
  /** By endpoint ID, only those with something to tell. */
  readonly endpoints: Readonly<Record<string, EndpointSample>>
}

/** In flight now; requests and failures of the interval; mean time to its first bytes, null where none came. */
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
