/** What a request has learnt about its endpoint in passing. */
export type PassiveEvidence =
  | { readonly kind: 'refused' | 'unreachable' | 'untrusted' }
  | { readonly kind: 'rate_limited'; readonly retryAfterMs: number }
  /** A request that was sent there as a last resort was answered well. */
  | { readonly kind: 'answered' }
  /** The model list wants credentials that the endpoint's configuration does not have. */
  | { readonly kind: 'list_refused' }
  /** The model list was read. */
  | { readonly kind: 'list_read' }

export interface ProbeRecord {
  /** Epoch milliseconds of the last probe's end; undefined before the first. */
  readonly lastCheckMs: number | undefined
  /** Epoch milliseconds; undefined while one is under way. */
  readonly nextCheckMs: number | undefined
  readonly lastLatencyMs: number | undefined
  readonly consecutiveFailures: number
  /** Fit to be shown; undefined after a success. */
  readonly lastError: string | undefined
}

/** The health of endpoints as everybody but the prober sees it, the same on every thread. */
export interface HealthMonitor {
  record(slot: number): ProbeRecord
  /** Milliseconds until the endpoint may be back; 0 where it is routable, or a probe is under way. */
  retryInMs(slot: number): number
  /** Takes evidence from requests: an unreachable endpoint is out at once, and looked at soon. */
  report(slot: number, evidence: PassiveEvidence): void
  /** One probe now, unless one is under way. Resolves when the status is up to date. */
  probeNow(slot: number): Promise<void>
}
