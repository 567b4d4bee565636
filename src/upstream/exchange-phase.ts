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
