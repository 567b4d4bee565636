/** What is counted for each endpoint, each model and the whole gateway. */
export const trafficColumns = [
  /** Requests that ended, with any outcome. */
  'requests',
  /** Answered with a status below 400 to the last byte. */
  'successes',
  /** Answered with 5xx, broken off, timed out or without an answer. */
  'failures',
  /** Answered with 4xx: the client's doing, neither success nor failure of the endpoint. */
  'rejections',
  /** The client left before the end: counts against no endpoint. */
  'clientClosed',
  /** Ended by an operator: counts against no endpoint. */
  'cancelled',
  /** Tries on this endpoint, the first one included. */
  'attempts',
  'failedAttempts',
  /** Failed tries that were followed by another. */
  'failovers',
  'requestBytes',
  'responseBytes',
  /** Milliseconds from receipt to the last byte, over successes. */
  'durationSumMs',
  'durationMinMs',
  'durationMaxMs',
  /** Milliseconds to the first byte of the answer, over answered requests. */
  'firstByteSumMs',
  'firstByteCount',
  /** Of the same: what the gateway itself took, and from asking the endpoint to its first byte. */
  'overheadSumMs',
  'upstreamSumMs',
  'promptTokens',
  'completionTokens',
  /** The part of the completion tokens that was counted by events, since the endpoint told none. */
  'countedTokens',
  /** The part of the prompt tokens that the endpoint had in a cache. */
  'cachedTokens',
  /** Completion tokens of answers whose generation was timed, and the milliseconds that it took. */
  'timedTokens',
  'generationSumMs',
  /** Milliseconds that endpoints reported for loading models and for reading prompts. */
  'loadSumMs',
  'promptSumMs',
  /** Requests that went to an endpoint known to have the model. */
  'routingHits',
  /** Requests turned away because no endpoint had the model. */
  'routingMisses',
  /** Requests that went to an endpoint not known to have the model. */
  'routingFallbacks',
  /** Epoch milliseconds of the last request. */
  'lastUsedAtMs',
] as const

export type TrafficColumn = (typeof trafficColumns)[number]

/** What is counted for each model on each endpoint. */
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
