/** Evidence about an endpoint from a request. */
export type PassiveEvidence =
  | { readonly kind: 'refused' | 'unreachable' | 'untrusted' }
  | { readonly kind: 'rate_limited'; readonly retryAfterMs: number }
  /** The endpoint answered a last-resort request successfully. */
  | { readonly kind: 'answered' }
  /** The model list requires credentials that the configuration lacks. */
  | { readonly kind: 'list_refused' }
  /** Discovery read the model list. */
  | { readonly kind: 'list_read' }

export interface ProbeRecord {
  /** End of the last probe; milliseconds since the Unix epoch, undefined before the first. */
  readonly lastCheckMs: number | undefined
  /** Milliseconds since the Unix epoch; undefined while a probe is running. */
  readonly nextCheckMs: number | undefined
  readonly lastLatencyMs: number | undefined
  readonly consecutiveFailures: number
  /** Safe to show; undefined after a success. */
  readonly lastError: string | undefined
}

/** Endpoint health for all parts except the checker itself, the same on every thread. */
export interface HealthMonitor {
  record(slot: number): ProbeRecord
  /** Milliseconds until the endpoint may be back; 0 if it is routable or a probe is running. */
  retryInMs(slot: number): number
  /** Accepts evidence from requests: an unreachable endpoint becomes unroutable at once and is probed soon. */
  report(slot: number, evidence: PassiveEvidence): void
  /** Probes now unless a probe is running. Resolves when the status is up to date. */
  probeNow(slot: number): Promise<void>
}
