import { fineBounds } from '../../kernel/cells/fine-bounds.ts'

/**
 * Bucket bounds of all durations in milliseconds, up to an hour. Percentiles from 0.1 ms on are right within 4.4 %. The
 * whole numbers are those that Prometheus gets.
 */
export const timeBoundsMs = fineBounds(
  [
    0.09, 1, 2, 5, 10, 15, 20, 30, 50, 100, 200, 300, 500, 750, 1_000, 2_000, 3_000, 5_000, 10_000, 20_000,
    30_000, 60_000, 120_000, 300_000, 600_000, 3_600_000,
  ],
  1.09,
)
