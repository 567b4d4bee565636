import type { RequestProgress } from '../contract/context.ts'

/**
 * Milliseconds that the gateway itself took before the answering endpoint had the request: routing, choosing, writing
 * the request, waits before a retry. Excludes the client's upload, the queue for a slot, and endpoints that failed.
 * @returns undefined if no endpoint was tried
 */
export function ownTimeMs(progress: RequestProgress): number | undefined {
  const { receivedMs, attemptMs, queuedMs, attempts, hedge } = progress
  if (receivedMs === undefined || attemptMs === undefined) return undefined
  let ownMs = attemptMs - receivedMs - (queuedMs ?? 0)
  for (const { durationMs, isHedge } of attempts) if (isHedge !== true) ownMs -= durationMs
  // Meanwhile the first attempt ran.
  if (hedge?.result === 'won' && hedge.loser !== undefined) ownMs -= attemptMs - hedge.loser.startedMs
  return Math.max(0, ownMs)
}

/**
 * Milliseconds from sending the request to the answering endpoint to the first byte of its answer.
 * @returns undefined without an answer, and if the last attempt failed so that an earlier one gave the answer
 */
export function upstreamTimeMs({ attemptMs, firstByteMs }: RequestProgress): number | undefined {
  if (attemptMs === undefined || firstByteMs === undefined || firstByteMs < attemptMs) return undefined
  return firstByteMs - attemptMs
}
