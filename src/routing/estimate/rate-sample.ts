import type { PendingWork } from './estimator.ts'
import type { RateSample } from './learned-rates.ts'

/** What was measured of an attempt. Undefined is unknown. */
export interface MeasuredAttempt {
  readonly promptTokens: number | undefined
  readonly cachedTokens: number | undefined
  readonly answerTokens: number | undefined
  /** From sending it to the first token, and to its end. */
  readonly firstTokenMs: number | undefined
  readonly totalMs: number | undefined
  readonly tokenGapMs: number | undefined
  /** As the endpoint reports it. */
  readonly loadMs: number | undefined
}

/** A warm Ollama reports some milliseconds too. */
const minLoadMs = 1_000
/** Fewer tokens may be cached by chance. */
const minKnownTokens = 256
/** However long the expected waits were, this share of the time was the request's own. */
const minOwnShare = 0.2

/** What the learned rates take from an attempt: its time without the waits that were expected before it was sent. */
export function rateSampleOf(work: PendingWork, measured: MeasuredAttempt): RateSample {
  const { estimate, features, knownTokens, otherWaitMs } = work
  const { promptTokens, cachedTokens, firstTokenMs } = measured
  const allTokens = promptTokens ?? estimate.promptTokens
  const uncachedTokens = Math.max(0, allTokens - (cachedTokens ?? estimate.cachedTokens))
  const reportedLoadMs = (measured.loadMs ?? 0) >= minLoadMs ? measured.loadMs : undefined
  const isCold = estimate.terms.loadMs > 0
  const warmMs = estimate.totalMs - estimate.terms.loadMs
  const loadMs =
    reportedLoadMs ?? (isCold && firstTokenMs !== undefined ? Math.max(0, firstTokenMs - warmMs) : undefined)
  // The time of a request that loaded a model says nothing of prompts, unless the endpoint reports its part.
  const isClean = firstTokenMs !== undefined && (!isCold || reportedLoadMs !== undefined)
  const ownMs = isClean
    ? Math.max(0, Math.min(firstTokenMs, work.ownMs ?? firstTokenMs) - (reportedLoadMs ?? 0))
    : 0
  return {
    promptTokens,
    uncachedTokens,
    promptBytes: features.media === 0 ? features.promptBytes : undefined,
    busy: estimate.busyness,
    firstTokenMs: isClean ? Math.max(ownMs * minOwnShare, ownMs - otherWaitMs) : undefined,
    totalMs: measured.totalMs,
    answerTokens: measured.answerTokens,
    tokenGapMs: measured.tokenGapMs,
    cachedShare:
      cachedTokens !== undefined && knownTokens >= minKnownTokens
        ? Math.min(1, cachedTokens / knownTokens)
        : undefined,
    loadMs,
  }
}
