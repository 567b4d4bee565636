import type { FoundEndpoint } from './contract/contract.ts'

/** How the set treats the endpoints of one provider. */
export interface ProviderRules {
  /** Unique; shown in status and log. */
  readonly name: string
  readonly kind: string
  /** Time for which an endpoint that the source no longer names stays. */
  readonly removeAfterMs: number
  /** Time for which the last endpoints stay while the source cannot be read; 0: until it can. */
  readonly keepForMs: number
  readonly maxEndpoints: number
  /** Whether an endpoint serves without an operator's approval. */
  approves(endpoint: FoundEndpoint): boolean
}

/** `duplicate`: another provider or the file already has this server; `held`: it comes and goes. */
export type FoundState = 'active' | 'pending' | 'missing' | 'not ready' | 'held' | 'duplicate' | 'rejected'

export interface FoundView {
  readonly name: string
  readonly url: string
  readonly provider: string
  readonly state: FoundState
  readonly labels: Readonly<Record<string, string>>
  readonly sinceMs: number
}

export interface ProviderView {
  readonly name: string
  readonly kind: string
  readonly state: 'starting' | 'ok' | 'failing' | 'unavailable'
  readonly reason: string | undefined
  /** Epoch milliseconds of the last complete answer. */
  readonly lastAnswerMs: number | undefined
  readonly endpoints: number
}

/** An endpoint to serve with, as the configuration file would have it. */
export interface LiveEndpoint {
  readonly name: string
  readonly url: string
  readonly provider: string
  readonly settings: Readonly<Record<string, unknown>>
}
