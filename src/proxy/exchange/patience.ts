import type { Estimate } from '../../routing/estimate/estimate.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import type { RequestFeatures } from '../../routing/selection/selector.ts'

/** Estimates of the time to the first token. */
export interface PatienceEstimates {
  estimateFor(features: RequestFeatures | undefined, candidate: RoutedEndpoint): Estimate
  /** Milliseconds until a request at the candidate's endpoint ends. */
  freesInMs(candidate: RoutedEndpoint): number
}

/** Waiting must be better by this factor: a free place is certain, an estimate is not. */
const worthwhile = 0.8

/**
 * Whether to wait for a full endpoint rather than to take a free one: usually because the free one must load the model
 * first.
 * @param full candidates that are at their limit
 * @param turns requests that get a place before this one, and itself
 * @param waitedMs how long it has waited already
 * @returns milliseconds for which waiting is worthwhile; undefined to take the free one
 */
export function patienceMs(
  estimates: PatienceEstimates,
  features: RequestFeatures | undefined,
  free: RoutedEndpoint,
  full: readonly RoutedEndpoint[],
  turns: number,
  waitedMs: number,
): number | undefined {
  const nowMs = estimates.estimateFor(features, free).totalMs
  let patience: number | undefined
  for (const candidate of full) {
    const { totalMs, confidence } = estimates.estimateFor(features, candidate)
    // Nothing was learned of it: what it takes is a guess.
    if (confidence === 0) continue
    const laterMs = estimates.freesInMs(candidate) * turns + totalMs
    if (laterMs >= nowMs * worthwhile) continue
    const leftMs = nowMs - totalMs - waitedMs
    if (leftMs > 0) patience = Math.max(patience ?? 0, leftMs)
  }
  return patience
}
