import type { RequestProgress } from '../contract/context.ts'

/**
 * Milliseconds that the gateway itself took before the answering endpoint had the request: routing, choosing,
 * writing it; waits before a repeat. Not the client's upload, not the wait for a place, not endpoints that failed.
 * @returns undefined where no endpoint was asked
 */
export function ownTimeMs(progress: RequestProgress): number | undefined {
  const { receivedMs, attemptMs, queuedMs, attempts } = progress
  if (receivedMs === undefined || attemptMs === undefined) return undefined
  let ownMs = attemptMs - receivedMs - (queuedMs ?? 0)
  for (const { durationMs } of attempts) ownMs -= durationMs
  return Math.max(0, ownMs)
}

/** Milliseconds from asking the answering endpoint to the first byte of its answer. */
export function upstreamTimeMs({ attemptMs, firstByteMs }: RequestProgress): number | undefined {
  return attemptMs === undefined || firstByteMs === undefined ? undefined : firstByteMs - attemptMs
}
