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

/** Bucket bounds in milliseconds, for durations from a cached answer to a long generation. */
export const durationBoundsMs = [
  1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1_000, 1_500, 2_000, 3_000,
  5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 45_000, 60_000, 90_000, 120_000, 180_000, 300_000, 600_000,
  900_000,
] as const

/** Bucket bounds in milliseconds, for the time from one token to the next. */
export const interTokenBoundsMs = [
  0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12.5, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 2_500,
  5_000, 10_000, 30_000,
] as const

/** Bucket bounds of the size of a request in bytes: powers of four from 256 B to 64 MB. */
export const requestSizeBounds = Array.from({ length: 10 }, (_, power) => 256 * 4 ** power)

/** Bucket bounds of the number of tries that a request took. */
export const attemptBounds = [1, 2, 3, 4, 5, 7, 10, 20] as const

/** Everything whose distribution is kept, with the bounds of its buckets. */
export const histogramBounds = {
  /** Milliseconds from receipt to the last byte, over successes. */
  duration: durationBoundsMs,
  /** Milliseconds from receipt to the first token of a stream. */
  firstToken: durationBoundsMs,
  /** Milliseconds between the tokens of a stream, each gap for itself. */
  interToken: interTokenBoundsMs,
  /** Bytes of a request's body. */
  requestSize: requestSizeBounds,
  /** Milliseconds that a request waited for a place on an endpoint; only those that had to. */
  queueWait: durationBoundsMs,
  /** Tries of a request, over those that had any. */
  attempts: attemptBounds,
} as const

export type HistogramKind = keyof typeof histogramBounds
/** Those that are kept for each endpoint and each model; all are kept for the whole gateway. */
export const rowHistograms = ['duration', 'firstToken', 'interToken', 'requestSize'] as const
export type RowHistogram = (typeof rowHistograms)[number]

/** Statuses with a column of their own; all others share that of their class, and `none` is no answer. */
export const countedStatuses = [
  'none',
  '2xx',
  '3xx',
  '4xx',
  '5xx',
  '200',
  '201',
  '204',
  '206',
  '301',
  '302',
  '304',
  '307',
  '308',
  '400',
  '401',
  '402',
  '403',
  '404',
  '405',
  '406',
  '408',
  '409',
  '410',
  '411',
  '413',
  '414',
  '415',
  '416',
  '417',
  '421',
  '422',
  '424',
  '425',
  '426',
  '428',
  '429',
  '431',
  '499',
  '500',
  '501',
  '502',
  '503',
  '504',
  '507',
  '529',
] as const
export type CountedStatus = (typeof countedStatuses)[number]

/** How requests end, as they are counted by status. */
export const countedOutcomes = ['success', 'rejection', 'failure', 'client_closed', 'cancelled'] as const
export type CountedOutcome = (typeof countedOutcomes)[number]
export type StatusColumn = `${CountedOutcome} ${CountedStatus}`

export const statusColumns = countedOutcomes.flatMap((outcome) =>
  countedStatuses.map((status): StatusColumn => `${outcome} ${status}`),
)

/**
 * What is known of an endpoint's status besides the status: since when, by the wall clock and the other, and when it
 * was last lost to requests; and 1 where only a probe says so, else 0.
 */
export const statusTimes = ['sinceMs', 'sinceMonotonicMs', 'lostAtMs', 'isDoubtful'] as const

/** What became of the sessions of requests, and of those in the store. */
export const sessionColumns = [
  'hits',
  'misses',
  'repins',
  'disabled',
  'insertions',
  'removals',
  'evictions',
] as const
export type SessionColumn = (typeof sessionColumns)[number]
/** Of the last probe of an endpoint: epoch milliseconds, a duration and a number. */
export const probeColumns = ['lastCheckMs', 'nextCheckMs', 'lastLatencyMs', 'consecutiveFailures'] as const
/** Of the last looks at an endpoint's models: epoch milliseconds and a number. */
export const discoveryColumns = ['lastSeenMs', 'consecutiveFailures'] as const

/** What is counted for requests to an API that is translated. */
export const translatorColumns = [
  'requests',
  /** The client got a complete answer that is no error. */
  'successes',
  'failures',
  /** The client left before the end. */
  'clientClosed',
  /** By what the endpoint that answered was sent. */
  'passthrough',
  'translation',
  'streaming',
  'nonStreaming',
  /** No endpoint could take the request at all. */
  'fallbackNoEndpoints',
  /** Translated although passing through is on: the endpoint does not speak the API. */
  'fallbackCannotPassthrough',
  /** Milliseconds from receipt to the end. */
  'durationSumMs',
] as const
/** Translated APIs that are counted apart. */
export const translatorCapacity = 16
export type TranslatorColumn = (typeof translatorColumns)[number]

/** What was refused. */
export const violationColumns = ['rateLimits', 'sizeLimits', 'memoryLimits'] as const

/** What the gateway's own process ran out of. */
export const resourceColumns = [
  /** Connections to endpoints that could not be made. */
  'shortages',
  /** Times that accepting paused. */
  'acceptPauses',
  /** Idle connections of clients that were closed to make room. */
  'idleClosed',
] as const

/** Buckets of rate limits that are remembered. */
export const limitCapacity = 100_000
/** Clients that are remembered to have met a rate limit. */
export const limitedClientCapacity = 16_384
/** Stored responses whose endpoint is remembered; half as many are kept for certain. */
export const storedResponseCapacity = 32_768

/** What happened to the process; nothing of it where the gateway is part of another app. */
export const processColumns = [
  /** Log lines that no output took. */
  'lostLogLines',
  /** Serving threads that ended before the stop. */
  'endedThreads',
  /** Requests that those had under way. */
  'cutRequests',
] as const

/** What is under way in a thread: values of this moment, written by each thread at intervals. */
export const liveColumns = [
  /** Completion tokens of streams that have not ended. */
  'tokens',
] as const
