import type { EndpointStatus } from '../../kernel/endpoint-status.ts'

/** Result of a probe: an answer or a failure. */
export type ProbeResult =
  | {
      readonly kind: 'answered'
      readonly statusCode: number
      readonly latencyMs: number
      readonly retryAfterMs: number | undefined
    }
  | {
      readonly kind: 'failed'
      readonly reason: string
      /** Whether requests cannot reach the endpoint either: connection refused or host unreachable. */
      readonly isCertain: boolean
      /** Whether the probe timed out. */
      readonly isSilence: boolean
    }

export interface ProbeVerdict {
  readonly status: EndpointStatus
  readonly reason: string
  /** Whether the endpoint may still answer requests. */
  readonly isDoubtful?: boolean
  /** For `rate_limited`: milliseconds until the endpoint accepts requests again. */
  readonly retryAfterMs?: number
}

/** State of an endpoint when a probe ends. */
export interface ProbeContext {
  /** Whether the endpoint is routable now. */
  readonly isRoutable: boolean
  /** Consecutive failed probes, including this one. */
  readonly failures: number
  /** Consecutive failed probes after which a routable endpoint becomes unroutable. */
  readonly threshold: number
  /** Whether the endpoint answered a request successfully since the probe began. */
  readonly hasAnswered: boolean
}

/**
 * Effect of a failed probe.
 *
 * - `apply`: the endpoint gets the status of the probe
 * - `hold`: the endpoint stays routable until more probes fail (like HAProxy's `fall`)
 * - `outweighed`: the endpoint answered a request in the meantime, which is better evidence
 */
export type FailedProbeEffect = 'apply' | 'hold' | 'outweighed'

/** Decides the effect of a failed probe: a single probe may get lost or hit a busy worker. */
export function weighFailedProbe(
  result: ProbeResult,
  { isRoutable, failures, threshold, hasAnswered }: ProbeContext,
): FailedProbeEffect {
  if (hasAnswered) return 'outweighed'
  const isCertain = result.kind === 'failed' && result.isCertain
  return isRoutable && !isCertain && failures < threshold ? 'hold' : 'apply'
}

/** Pause after a 429 without `Retry-After` (contract 4). */
const defaultRetryAfterMs = 30_000

/**
 * Derives the status from a probe (contract 4).
 * @param busyThresholdMs a slower 2xx means `busy`; 0 disables it
 */
export function classifyProbe(result: ProbeResult, busyThresholdMs: number): ProbeVerdict {
  if (result.kind === 'failed') {
    return { status: 'offline', reason: result.reason, isDoubtful: !result.isCertain }
  }
  const { statusCode, latencyMs } = result
  if (statusCode >= 200 && statusCode < 300) {
    return busyThresholdMs > 0 && latencyMs > busyThresholdMs
      ? { status: 'busy', reason: `probe answered after ${Math.round(latencyMs)} ms` }
      : { status: 'healthy', reason: 'probe answered' }
  }
  const reason =
    statusCode === 508
      ? 'it leads back to this gateway (status 508)'
      : `probe answered with status ${statusCode}`
  if (statusCode === 401 || statusCode === 403) return { status: 'config_error', reason }
  if (statusCode === 429) {
    const retryAfterMs = result.retryAfterMs ?? defaultRetryAfterMs
    return { status: 'rate_limited', reason, retryAfterMs, isDoubtful: true }
  }
  // A 503 is the server's own report that it cannot serve: llama.cpp while loading, vLLM after its engine died.
  return { status: 'unhealthy', reason, isDoubtful: statusCode !== 503 }
}
