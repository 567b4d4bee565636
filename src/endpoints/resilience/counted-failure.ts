import { type AttemptFailure, describeFailure } from '../connections/failure.ts'
import type { BreakerPolicy } from '../registry/breaker-policy.ts'
import type { FailureSource } from './circuit-breaker.ts'
import { type Evidence, failureEvidence, statusEvidence } from './evidence.ts'

/** Result of an attempt for the circuit breakers. */
export type AttemptResult =
  | AttemptFailure
  | { readonly kind: 'answered'; readonly statusCode: number; readonly firstByteMs: number }

/** A failure that a circuit counts. */
export interface CountedFailure {
  /** Which circuit counts it. */
  readonly about: 'endpoint' | 'model'
  readonly reason: string
  readonly source: FailureSource
}

/** @returns undefined if the policy does not count the result as a failure */
export function countedFailure(policy: BreakerPolicy, result: AttemptResult): CountedFailure | undefined {
  if (result.kind === 'answered') {
    const { statusCode, firstByteMs } = result
    if (isCounted(policy, statusEvidence(statusCode), statusCode)) {
      return { about: 'model', reason: `status ${statusCode}`, source: 'answer' }
    }
    return policy.slowFirstByteMs > 0 && firstByteMs > policy.slowFirstByteMs
      ? { about: 'model', reason: `first byte after ${Math.round(firstByteMs)} ms`, source: 'answer' }
      : undefined
  }
  const evidence = failureEvidence(result)
  if (!isCounted(policy, evidence, result.statusCode)) return undefined
  const isOfEndpoint = evidence.about === 'endpoint'
  return {
    about: isOfEndpoint ? 'endpoint' : 'model',
    reason: describeFailure(result),
    source: isOfEndpoint ? 'connection' : 'answer',
  }
}

function isCounted(policy: BreakerPolicy, { counted }: Evidence, statusCode: number | undefined): boolean {
  switch (counted) {
    case 'connection_errors':
      return policy.connectionErrors
    case 'timeouts':
      return policy.timeouts
    case 'failure_statuses':
      return policy.failureStatuses.has(statusCode ?? 0)
    case 'always':
      return true
    case 'never':
      return false
  }
}
