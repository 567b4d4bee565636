import type { BackendProfile } from '../../endpoints/profiles/profile.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { KnownAbilities, RequestNeeds } from './needs.ts'
import type { ModelKnowledge, Refresh, RoutingDecision } from './routing-strategies.ts'

/** An endpoint that may serve a request, and the name it has for the model. */
export interface RoutedEndpoint {
  readonly endpoint: Endpoint
  /** As the endpoint spells it; undefined where the request names no model. */
  readonly nativeModel: string | undefined
  /** What must stand in the body instead of what the client wrote; undefined where that will do. */
  readonly sentModel: string | undefined
  /** Whether the endpoint holds the model in memory; undefined where the endpoint does not say. */
  readonly isWarm: boolean | undefined
  readonly abilities: KnownAbilities | undefined
}

/** What the `X-Olla-Routing-*` headers say of a request. */
export interface ServedRoute {
  /** Undefined where the request names no model. */
  readonly strategy: string | undefined
  readonly decision: RoutingDecision['decision']
  readonly reason: string
}

/** Candidates that stand equal. A request moves to the next tier when none of these can answer it. */
export interface Tier {
  readonly candidates: readonly RoutedEndpoint[]
  /** Whether a request moves on as well when these are at their `max_concurrent`; otherwise it waits in line. */
  readonly spillsWhenFull: boolean
  /** What the headers say where this tier serves; undefined where that is what the outcome says. */
  readonly route?: ServedRoute | undefined
  /** Whether its endpoints are not routable now: they are asked only where nothing else can serve. */
  readonly isLastResort?: boolean
}

export interface RoutingOutcome extends ServedRoute {
  /** In the order in which they are tried; a rejected request has at most a last resort. */
  readonly tiers: readonly Tier[]
  /** The candidates of all tiers but the last resort. */
  readonly candidates: readonly RoutedEndpoint[]
  /** HTTP status of a rejection, 200 otherwise. */
  readonly status: number
  readonly knowledge: ModelKnowledge
  /** Whether a good answer says something new: of some candidates it is not known that they have the path. */
  readonly learnsPath?: boolean
  /** Endpoints that would be candidates if they had the path. */
  readonly lackPath?: readonly Endpoint[]
}

export interface RoutingRequest {
  readonly model: string | undefined
  /** Profile of the provider prefix; undefined on routes for all endpoints. */
  readonly provider: BackendProfile | undefined
  /** Path that the endpoint is asked for. */
  readonly path: string
  /** Whether the gateway can translate the request for an endpoint that does not have the path. */
  readonly isTranslatable?: boolean | undefined
  /** Asked for only where candidates differ. */
  readonly needs?: (() => RequestNeeds) | undefined
  /** Endpoints that come first within a tier; the others follow, also when these are full. */
  readonly prefers?: ((endpoint: Endpoint) => boolean) | undefined
  /** What became of asking the endpoints again, where that was due. */
  readonly refresh?: Refresh | undefined
  /** Whether the request is only explained: weighted turns do not move. */
  readonly isLook?: boolean
}
