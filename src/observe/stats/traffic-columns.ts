/** Counters per endpoint, per model and for the whole gateway. */
export const trafficColumns = [
  /** Finished requests, with any outcome. */
  'requests',
  /** Answered completely with a status below 400. */
  'successes',
  /** Answered with 5xx, interrupted, timed out or without an answer. */
  'failures',
  /** Answered with 4xx: the client's fault, neither success nor failure of the endpoint. */
  'rejections',
  /** The client disconnected before the end: not a failure of the endpoint. */
  'clientClosed',
  /** Cancelled by an operator: not a failure of the endpoint. */
  'cancelled',
  /** Attempts on this endpoint, including the first. */
  'attempts',
  'failedAttempts',
  /** Failed attempts that were followed by another. */
  'failovers',
  'requestBytes',
  'responseBytes',
  /** Milliseconds from receipt to the last byte, for successes. */
  'durationSumMs',
  'durationMinMs',
  'durationMaxMs',
  /** Milliseconds to the first byte of the answer, for answered requests. */
  'firstByteSumMs',
  'firstByteCount',
  /** Split of the same time: the gateway's overhead, and from the request to the endpoint to its first byte. */
  'overheadSumMs',
  'upstreamSumMs',
  'promptTokens',
  'completionTokens',
  /** The completion tokens that were counted by events, because the endpoint reported none. */
  'countedTokens',
  /** The prompt tokens that the endpoint had cached. */
  'cachedTokens',
  /** Completion tokens of answers with a measured generation time, and that time in milliseconds. */
  'timedTokens',
  'generationSumMs',
  /** Milliseconds that endpoints reported for loading models and for reading prompts. */
  'loadSumMs',
  'promptSumMs',
  /** Requests that went to an endpoint known to have the model. */
  'routingHits',
  /** Requests rejected because no endpoint had the model. */
  'routingMisses',
  /** Requests that went to an endpoint not known to have the model. */
  'routingFallbacks',
  /** Epoch milliseconds of the last request. */
  'lastUsedAtMs',
] as const

export type TrafficColumn = (typeof trafficColumns)[number]

/** Counters per model on each endpoint. */
export const placementColumns = [
  'requests',
  'successes',
  'failures',
  'durationSumMs',
  /** Failures since the last success. */
  'failuresInRow',
  'lastUsedAtMs',
] as const

export type PlacementColumn = (typeof placementColumns)[number]
