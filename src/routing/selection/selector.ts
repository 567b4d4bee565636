import type { Endpoint } from '../../endpoints/registry/endpoint.ts'

/** What a selector may know of a request, read once per request. */
export interface RequestFeatures {
  /** Bytes of the prompt, without images and other encoded media. */
  readonly promptBytes: number
  /** Number of images and other encoded media. */
  readonly media: number
  /** Hashes of the prompt's prefixes, shortest first, as in `PrefixChain`; empty if it has none. */
  readonly keys: readonly number[]
  /** Bytes of each prefix. */
  readonly sizes: readonly number[]
  /** The prefix that many conversations may share: tools and system prompt. */
  readonly headDepth: number
  readonly hasHead: boolean
  /** Beginnings of the head and of the first message after it; undefined if they are short. */
  readonly blocks?: PrefixBlocks | undefined
}

/** Prefixes that end within a text, shortest first. */
export interface PrefixBlocks {
  readonly keys: readonly number[]
  /** Bytes of each prefix. */
  readonly sizes: readonly number[]
}

/** A choice of a selector: an endpoint with the model to request. */
export interface Candidate {
  readonly endpoint: Endpoint
  /** As the endpoint spells it; undefined if the request names no model. */
  readonly nativeModel?: string | undefined
}

/** Current state of the endpoints, read from shared cells. */
export interface EndpointLoad {
  /** In-flight requests over all threads. */
  inFlight(slot: number): number
  /** Current fraction of the weight, 0 to 1. */
  share(slot: number): number
  /** Penalty for recent failures in requests, so that failing fast does not look like being idle. */
  penalty(candidate: Candidate): number
  /** Whether a request may be sent: routable, circuit permits it, not cooling down, not full. */
  admits(candidate: Candidate): boolean
  /** Whether the endpoint recently answered a request successfully. */
  hasJustAnswered?(candidate: Candidate): boolean
}

/**
 * Chooses one of the candidates. The same state, which includes rotations, gives the same choice.
 * @param dryRun leaves rotations unchanged because no request follows
 * @param features of the request; undefined if unknown
 */
export type Strategy = <C extends Candidate>(
  candidates: readonly C[],
  load: EndpointLoad,
  excluded: ReadonlySet<number> | undefined,
  dryRun?: boolean,
  features?: RequestFeatures,
) => C | undefined

/** Chooses endpoints for requests: a strategy over the live state. A host may provide its own. */
export interface EndpointSelector {
  readonly strategy: string
  /** Whether it accounts for the time to load a model, so that `proxy.warm_margin` does not apply. */
  readonly weighsLoading?: boolean
  /** @param features of the request; absent unless a strategy of the gateway uses them */
  select<C extends Candidate>(
    candidates: readonly C[],
    excluded: ReadonlySet<number> | undefined,
    features?: RequestFeatures,
  ): C | undefined
  /** What `select` would choose, without changing rotations. Optional; explanations work without it. */
  peek?<C extends Candidate>(
    candidates: readonly C[],
    excluded: ReadonlySet<number> | undefined,
    features?: RequestFeatures,
  ): C | undefined
}
