import type { EndpointLoad, RequestFeatures } from '../selection/selector.ts'
import type { EstimatedCandidate, Estimator } from './estimator.ts'

/** Candidates that are compared; of longer lists a sample. */
const maxCompared = 32
/** So much longer is no reason to leave a cache. */
const slackMs = 50

/**
 * Whether the endpoint of a session would answer so much later than another one that the session should move.
 * @param bound multiple of the lowest estimate that it may have; 0 is no bound
 */
export function isTooSlow(
  estimator: Estimator,
  load: Pick<EndpointLoad, 'admits'>,
  candidate: EstimatedCandidate,
  candidates: readonly EstimatedCandidate[],
  features: RequestFeatures | undefined,
  bound: number,
): boolean {
  if (bound === 0) return false
  const matches = estimator.matchesOf(features, false)
  const nowMs = estimator.now()
  const estimateOf = (each: EstimatedCandidate) =>
    estimator.estimateAt(
      features,
      each,
      estimator.rates.startOf(each),
      matches.bytesAt(each.endpoint.slot),
      nowMs,
    ).totalMs
  const ownMs = estimateOf(candidate)
  const step = Math.max(1, Math.ceil(candidates.length / maxCompared))
  for (let at = 0; at < candidates.length; at += step) {
    const other = candidates[at]
    if (other === undefined || other.endpoint.priority < candidate.endpoint.priority) continue
    if (other !== candidate && load.admits(other) && ownMs > bound * estimateOf(other) + slackMs) return true
  }
  return false
}
