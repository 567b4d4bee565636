import type { Tier } from '../../routing/models/routing.ts'
import type { LiveLoad } from '../../routing/selection/live-load.ts'

/**
 * Wakes the machines of candidates that are down.
 * @returns milliseconds that a request waits for them; 0 if none can be woken
 */
export function wakeCandidates(
  tiers: readonly Tier[],
  load: Pick<LiveLoad, 'wakeWaitMs'>,
  wake: (slot: number) => void,
): number {
  let longestMs = 0
  for (const { candidates } of tiers) {
    for (const candidate of candidates) {
      const waitMs = load.wakeWaitMs(candidate)
      if (waitMs === 0) continue
      longestMs = Math.max(longestMs, waitMs)
      wake(candidate.endpoint.slot)
    }
  }
  return longestMs
}
