import { interTokenBoundsMs } from '../../proxy/usage/gap-cells.ts'

/** Bucket bounds in milliseconds, for durations from a cached answer to a long generation. */
export const durationBoundsMs = [
  1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 40, 50, 75, 100, 150, 200, 300, 400, 500, 750, 1_000, 1_500, 2_000, 3_000,
  5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 45_000, 60_000, 90_000, 120_000, 180_000, 300_000, 600_000,
  900_000,
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
