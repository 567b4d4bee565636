import type { EndpointStatus } from '../../kernel/endpoint-status.ts'

/** What a probe brought: an answer, or none. */
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
      /** Whether no request can reach the endpoint either: its own address refuses or has no host. */
      readonly isCertain: boolean
      /** Whether it waited in vain until its time was over. */
      readonly isSilence: boolean
    }

export interface ProbeVerdict {
  readonly status: EndpointStatus
  readonly reason: string
  /** Whether requests may be answered all the same. */
  readonly isDoubtful?: boolean
  /** Of `rate_limited`: milliseconds until the endpoint wants to be asked again. */
  readonly retryAfterMs?: number
}

/** What is known of an endpoint beside the probe that has just ended. */
export interface ProbeContext {
  /** Whether requests may go to the endpoint now. */
  readonly isRoutable: boolean
  /** Failed probes in a row, this one included. */
  readonly failures: number
  /** Failed probes in a row that take a routable endpoint out. */
  readonly threshold: number
  /** Whether the endpoint has answered a request well since the probe began. */
  readonly hasAnswered: boolean
}

/**
 * What becomes of a failed probe.
 *
 * - `apply`: the endpoint gets the status that the probe shows
 * - `hold`: it stays routable until more probes agree (as HAProxy's `fall`)
 * - `outweighed`: a request was answered meanwhile, which is the better evidence
 */
export type FailedProbeEffect = 'apply' | 'hold' | 'outweighed'

/** Weighs a failed probe against what else is known. A single probe may get lost or come when a worker is busy. */
export function weighFailedProbe(
  result: ProbeResult,
  { isRoutable, failures, threshold, hasAnswered }: ProbeContext,
): FailedProbeEffect {
  if (hasAnswered) return 'outweighed'
  const isCertain = result.kind === 'failed' && result.isCertain
  return isRoutable && !isCertain && failures < threshold ? 'hold' : 'apply'
}

/** What a 429 without `Retry-After` stands for (contract 4). */
const defaultRetryAfterMs = 30_000

/**
 * The status that a probe shows (contract 4).
 * @param busyThresholdMs a slower 2xx means `busy`; 0 is off
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
  // With 503 a server says itself that it cannot serve: llama.cpp while it loads, vLLM whose engine has died.
  return { status: 'unhealthy', reason, isDoubtful: statusCode !== 503 }
}
