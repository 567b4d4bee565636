import { interTokenBoundsMs } from '../../proxy/usage/gap-cells.ts'

/** Bucket bounds in milliseconds, for durations from a cached answer to a long generation. */
export const durationBoundsMs = [
  1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1_000, 1_500, 2_000, 3_000,
  5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 45_000, 60_000, 90_000, 120_000, 180_000, 300_000, 600_000,
  900_000,
] as const

/** Bucket bounds for the size of a request in bytes: powers of four from 256 B to 64 MB. */
export const requestSizeBounds = Array.from({ length: 10 }, (_, power) => 256 * 4 ** power)

/** Bucket bounds for the number of attempts per request. */
export const attemptBounds = [1, 2, 3, 4, 5, 7, 10, 20] as const

/** All histograms with the bounds of their buckets. */
export const histogramBounds = {
  /** Milliseconds from receipt to the last byte, for successes. */
  duration: durationBoundsMs,
  /** Milliseconds from receipt to the first token of a stream. */
  firstToken: durationBoundsMs,
  /** Milliseconds between the tokens of a stream, each gap separately. */
  interToken: interTokenBoundsMs,
  /** Size of a request's body in bytes. */
  requestSize: requestSizeBounds,
  /** Milliseconds that a request waited for a slot on an endpoint, for requests that waited. */
  queueWait: durationBoundsMs,
  /** Attempts per request, for requests with at least one. */
  attempts: attemptBounds,
} as const

export type HistogramKind = keyof typeof histogramBounds
/** Histograms kept for each endpoint and each model; the gateway as a whole has all of them. */
export const rowHistograms = ['duration', 'firstToken', 'interToken', 'requestSize'] as const
export type RowHistogram = (typeof rowHistograms)[number]
