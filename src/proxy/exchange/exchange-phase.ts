import type { FailureKind } from '../../endpoints/connections/failure.ts'
import type { RoutedEndpoint } from '../../routing/models/router.ts'

/**
 * - `choosing`: looks for an endpoint
 * - `queued`: waits for a place on one
 * - `backoff`: waits before another round
 * - `connecting`, `waiting`: an attempt is under way, before and after its connection is up
 * - `gathering`: the answer comes, but it is told in one piece and the client knows nothing of it yet
 * - `relaying`, `stalled`: the client is being answered, `stalled` while it does not read
 */
export type ExchangePhase =
  | 'choosing'
  | 'queued'
  | 'backoff'
  | 'connecting'
  | 'waiting'
  | 'gathering'
  | 'relaying'
  | 'stalled'
  | 'over'

/** What has failed where a time limit is over; undefined where it is not the endpoint's answer that was waited for. */
export function expiryOf(phase: ExchangePhase, isTotal: boolean): FailureKind | undefined {
  switch (phase) {
    case 'connecting':
      return isTotal ? 'total_timeout' : 'connect_timeout'
    case 'waiting':
      return isTotal ? 'total_timeout' : 'first_byte_timeout'
    case 'gathering':
    case 'relaying':
      return isTotal ? 'total_timeout' : 'idle_timeout'
    case 'stalled':
      return isTotal ? 'total_timeout' : undefined
    case 'choosing':
    case 'queued':
    case 'backoff':
    case 'over':
      return undefined
  }
}

/** @param limitMs 0 is no limit */
export function deadlineAfter(nowMs: number, limitMs: number): number {
  return limitMs > 0 ? nowMs + limitMs : Number.POSITIVE_INFINITY
}

/**
 * How long an endpoint may take to begin its answer: longer where the model must be loaded first, which takes its time
 * and is no endpoint's fault.
 * @returns milliseconds; 0 is no limit
 */
export function firstByteLimitMs({ endpoint, isWarm }: RoutedEndpoint, coldStartMs: number): number {
  const { firstByteMs } = endpoint.timeouts
  return isWarm === false && firstByteMs > 0 ? Math.max(firstByteMs, coldStartMs) : firstByteMs
}
