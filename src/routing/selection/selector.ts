import type { Endpoint } from '../../endpoints/registry/endpoint.ts'

/** What a selector chooses among: an endpoint, and the model that it would be asked for. */
export interface Candidate {
  readonly endpoint: Endpoint
  /** As the endpoint spells it; undefined where the request names no model. */
  readonly nativeModel?: string | undefined
}

/** The moment's state of endpoints, read from shared cells. */
export interface EndpointLoad {
  /** Requests under way, over all threads. */
  inFlight(slot: number): number
  /** Share of the weight that counts now, 0 to 1. */
  share(slot: number): number
  /** Requests that recent failures count for, so that failing fast does not look like being idle. */
  penalty(candidate: Candidate): number
  /** Whether a request may be sent: routable, circuit lets it through, not cooling down, not full. */
  admits(candidate: Candidate): boolean
  /** Whether the endpoint has answered a request well a moment ago. */
  hasJustAnswered?(candidate: Candidate): boolean
}

/**
 * Chooses one of the candidates. Given the same state it chooses the same; what it remembers between calls
 * (whose turn it is) belongs to that state.
 * @param isLook whether no request is sent there: then nothing is remembered
 */
export type Strategy = <C extends Candidate>(
  candidates: readonly C[],
  load: EndpointLoad,
  excluded: ReadonlySet<number> | undefined,
  isLook?: boolean,
) => C | undefined

export const strategyNames = ['least-connections', 'priority', 'round-robin'] as const
export type StrategyName = (typeof strategyNames)[number]

/** What requests are given: a strategy over the live state. A host may put its own in its place. */
export interface EndpointSelector {
  readonly strategy: string
  select<C extends Candidate>(
    candidates: readonly C[],
    excluded: ReadonlySet<number> | undefined,
  ): C | undefined
  /** What `select` would choose now, without moving anybody's turn; for explanations, which do without it. */
  peek?<C extends Candidate>(
    candidates: readonly C[],
    excluded: ReadonlySet<number> | undefined,
  ): C | undefined
}
