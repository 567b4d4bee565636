import type { EndpointStatus } from '../endpoint/status.ts'

/** What a probe brought: an answer, or none. */
export type ProbeResult =
  | {
      readonly kind: 'answered'
      readonly statusCode: number
      readonly latencyMs: number
      readonly retryAfterMs: number | undefined
    }
  | { readonly kind: 'failed'; readonly reason: string }

export interface ProbeVerdict {
  readonly status: EndpointStatus
  readonly reason: string
  /** Of `rate_limited`: milliseconds until the endpoint wants to be asked again. */
  readonly retryAfterMs?: number
}

/** What a 429 without `Retry-After` stands for (contract 4). */
const defaultRetryAfterMs = 30_000

/**
 * The status that a probe shows (contract 4).
 * @param busyThresholdMs a slower 2xx means `busy`; 0 is off
 */
export function classifyProbe(result: ProbeResult, busyThresholdMs: number): ProbeVerdict {
  if (result.kind === 'failed') return { status: 'offline', reason: result.reason }
  const { statusCode, latencyMs } = result
  if (statusCode >= 200 && statusCode < 300) {
    return busyThresholdMs > 0 && latencyMs > busyThresholdMs
      ? { status: 'busy', reason: `probe answered after ${Math.round(latencyMs)} ms` }
      : { status: 'healthy', reason: 'probe answered' }
  }
  const reason = `probe answered with status ${statusCode}`
  if (statusCode === 401 || statusCode === 403) return { status: 'config_error', reason }
  if (statusCode === 429) {
    return { status: 'rate_limited', reason, retryAfterMs: result.retryAfterMs ?? defaultRetryAfterMs }
  }
  return { status: 'unhealthy', reason }
}
