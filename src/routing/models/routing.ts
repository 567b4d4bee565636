import type { BackendProfile } from '../../endpoints/profiles/profile.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { KnownAbilities, RequestNeeds } from './needs.ts'
import type { ModelKnowledge, Refresh, RoutingDecision } from './routing-strategies.ts'

/** An endpoint that may serve a request, with its name for the model. */
export interface RoutedEndpoint {
  readonly endpoint: Endpoint
  /** As the endpoint spells it; undefined if the request names no model. */
  readonly nativeModel: string | undefined
  /** Model name to send instead of the client's; undefined if the client's name works. */
  readonly sentModel: string | undefined
  /** Whether the endpoint has the model in memory; undefined if it does not report that. */
  readonly isWarm: boolean | undefined
  readonly abilities: KnownAbilities | undefined
}

/** Values of the `X-Olla-Routing-*` headers. */
export interface ServedRoute {
  /** Undefined if the request names no model. */
  readonly strategy: string | undefined
  readonly decision: RoutingDecision['decision']
  readonly reason: string
}

/** Equal candidates. A request moves to the next tier when none of them can answer. */
export interface Tier {
  readonly candidates: readonly RoutedEndpoint[]
  /** Whether a request also moves on when all of these are at `max_concurrent`; otherwise it queues. */
  readonly spillsWhenFull: boolean
  /** Routing headers if this tier serves; undefined for those of the outcome. */
  readonly route?: ServedRoute | undefined
  /** Whether its endpoints are unroutable now and serve only if nothing else can. */
  readonly isLastResort?: boolean
}

export interface RoutingOutcome extends ServedRoute {
  /** In the order of attempts; a rejected request has at most a last resort. */
  readonly tiers: readonly Tier[]
  /** Candidates of all tiers except the last resort. */
  readonly candidates: readonly RoutedEndpoint[]
  /** HTTP status of a rejection, 200 otherwise. */
  readonly status: number
  readonly knowledge: ModelKnowledge
  /** Whether a good answer adds knowledge: some candidates are not known to have the path. */
  readonly learnsPath?: boolean
  /** Whether the gateway must translate the request for some candidates. */
  readonly translates?: boolean
  /** Endpoints that are no candidates only because they lack the path. */
  readonly lackPath?: readonly Endpoint[]
}

export interface RoutingRequest {
  readonly model: string | undefined
  /** Profile of the provider prefix; undefined on routes for all endpoints. */
  readonly provider: BackendProfile | undefined
  /** Path to request from the endpoint. */
  readonly path: string
  /** Whether the gateway can translate the request for an endpoint without the path. */
  readonly isTranslatable?: boolean | undefined
  /**
   * Whether the gateway can translate the request for an endpoint without the path. It must give the same result for
   * every request to the same path.
   */
  readonly translates?: ((candidate: RoutedEndpoint) => boolean) | undefined
  /** Called only if candidates differ. */
  readonly needs?: (() => RequestNeeds) | undefined
  /** Endpoints that come first within a tier; the others follow, also when the first are full. */
  readonly prefers?: ((endpoint: Endpoint) => boolean) | undefined
  /** Result of a refresh, if one was due. */
  readonly refresh?: Refresh | undefined
  /** Whether to explain only: weighted rotations do not advance. */
  readonly dryRun?: boolean
}
