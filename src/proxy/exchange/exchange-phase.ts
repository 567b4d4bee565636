import type { FailureKind } from '../../endpoints/connections/failure.ts'
import type { RoutedEndpoint } from '../../routing/models/router.ts'

/**
 * - `choosing`: finds an endpoint
 * - `queued`: waits for a slot on one
 * - `backoff`: waits before another round
 * - `connecting`, `waiting`: an attempt is in flight, before and after its connection is up
 * - `gathering`: the answer is arriving, but is buffered whole, so nothing has reached the client yet
 * - `relaying`, `stalled`: the answer goes to the client; `stalled` while the client does not read
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

/** The failure that an expired time limit means; undefined if the exchange was not waiting for an endpoint's answer. */
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

/** @param limitMs 0 means no limit */
export function deadlineAfter(nowMs: number, limitMs: number): number {
  return limitMs > 0 ? nowMs + limitMs : Number.POSITIVE_INFINITY
}

/**
 * How long an endpoint may take to start its answer: longer if it must load the model first, which takes time without
 * any fault of the endpoint.
 * @returns milliseconds; 0 means no limit
 */
export function firstByteLimitMs({ endpoint, isWarm }: RoutedEndpoint, coldStartMs: number): number {
  const { firstByteMs } = endpoint.timeouts
  return isWarm === false && firstByteMs > 0 ? Math.max(firstByteMs, coldStartMs) : firstByteMs
}
