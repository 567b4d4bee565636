import { timeBoundsMs } from '../../proxy/usage/time-bounds.ts'

/** Bucket bounds for the size of a request in bytes: powers of four from 256 B to 64 MB. */
export const requestSizeBounds = Array.from({ length: 10 }, (_, power) => 256 * 4 ** power)

/** Bucket bounds for the number of attempts per request. */
export const attemptBounds = [1, 2, 3, 4, 5, 7, 10, 20] as const

/** Bucket bounds for positions in the waiting line. */
export const queueDepthBounds = [1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000] as const

/** All histograms with the bounds of their buckets. */
export const histogramBounds = {
  /** Milliseconds from receipt to the last byte, for successes. */
  duration: timeBoundsMs,
  /** Milliseconds from receipt to the first token of a stream. */
  firstToken: timeBoundsMs,
  /** Milliseconds between the tokens of a stream, each gap separately. */
  interToken: timeBoundsMs,
  /** Size of a request's body in bytes. */
  requestSize: requestSizeBounds,
  /** Milliseconds that a request waited for a slot on an endpoint, for requests that waited. */
  queueWait: timeBoundsMs,
  /** Position of a request when it began to wait, for requests that waited. */
  queueDepth: queueDepthBounds,
  /** Attempts per request, for requests with at least one. */
  attempts: attemptBounds,
} as const

export type HistogramKind = keyof typeof histogramBounds
/** Histograms kept for each endpoint and each model; the gateway as a whole has all of them. */
export const rowHistograms = ['duration', 'firstToken', 'interToken', 'requestSize'] as const
export type RowHistogram = (typeof rowHistograms)[number]
