import type { Endpoint } from '../endpoint/endpoint.ts'
import type { EndpointRegistry } from '../endpoint/registry.ts'
import type { ModelCatalog } from './catalog.ts'
import type { BackendProfile } from './profile.ts'
import { type RoutingDecision, type StrategyName, strategies } from './routing-strategies.ts'

/** An endpoint that may serve a request, and the name it has for the model. */
export interface RoutedEndpoint {
  readonly endpoint: Endpoint
  /** As the endpoint spells it; undefined where the request names no model. */
  readonly nativeModel: string | undefined
}

export interface RoutingOutcome {
  readonly candidates: readonly RoutedEndpoint[]
  /** `X-Olla-Routing-Strategy`; undefined where the request names no model. */
  readonly strategy: string | undefined
  readonly decision: RoutingDecision['decision']
  readonly reason: string
  /** HTTP status of a rejection, 200 otherwise. */
  readonly status: number
}

export interface RoutingRequest {
  readonly model: string | undefined
  /** Profile of the provider prefix; undefined on routes for all endpoints. */
  readonly provider: BackendProfile | undefined
  /** Path that the endpoint is asked for. */
  readonly path: string
}

export interface ModelRouterOptions {
  readonly strategy: StrategyName
  readonly fallback: 'compatible_only' | 'none' | 'all'
}

/** The decision about a name, cached until the catalogue or an endpoint changes. */
interface Cached {
  readonly outcome: RoutingOutcome
  readonly versions: string
}

/** Most decisions that are kept; a client that invents names must not fill memory. */
const cacheSize = 2048

/** Decides which endpoints may serve a request, and says why (contract 6.6 and 6.7). */
export class ModelRouter {
  readonly #registry: EndpointRegistry
  readonly #catalog: ModelCatalog
  readonly #options: ModelRouterOptions
  readonly #cache = new Map<string, Cached>()

  constructor(registry: EndpointRegistry, catalog: ModelCatalog, options: ModelRouterOptions) {
    this.#registry = registry
    this.#catalog = catalog
    this.#options = options
  }

  route(request: RoutingRequest): RoutingOutcome {
    const { model, provider } = request
    if (model === undefined) return this.#decide(request)
    const versions = `${this.#registry.snapshot.version}.${this.#registry.statusVersion}.${this.#catalog.snapshot.version}`
    const key = provider === undefined ? model : `${provider.name}\n${model}`
    const cached = this.#cache.get(key)
    if (cached !== undefined && cached.versions === versions) return cached.outcome
    const outcome = this.#decide(request)
    if (this.#cache.size >= cacheSize) this.#cache.clear()
    this.#cache.set(key, { outcome, versions })
    return outcome
  }

  #decide({ model, provider, path }: RoutingRequest): RoutingOutcome {
    const inScope = this.#registry.snapshot.endpoints.filter((endpoint) => isInScope(endpoint, provider))
    const routable = inScope.filter(({ slot }) => this.#registry.isRoutable(slot))
    if (model === undefined) return withoutModel(routable, provider, path)

    const scope = new Map(inScope.map((endpoint) => [endpoint.slot, endpoint]))
    const places = this.#catalog.snapshot.find(model).filter(({ slot }) => scope.has(slot))
    const serving: RoutedEndpoint[] = []
    for (const { slot, model: found } of places) {
      const endpoint = scope.get(slot)
      if (endpoint !== undefined && this.#registry.isRoutable(slot)) {
        serving.push({ endpoint, nativeModel: found.name })
      }
    }
    if (routable.length === 0 && places.length === 0) {
      return rejected(this.#options.strategy, provider === undefined ? 503 : 404, 'no_healthy_endpoints')
    }
    const found = serving.length > 0 ? 'found' : places.length > 0 ? 'unavailable' : 'unknown'
    const decision = strategies[this.#options.strategy](found, this.#options.fallback)
    const candidates =
      decision.decision === 'routed'
        ? serving
        : decision.decision === 'fallback'
          ? routable.map((endpoint) => ({ endpoint, nativeModel: undefined }))
          : []
    if (decision.decision !== 'rejected' && candidates.length === 0) {
      return rejected(this.#options.strategy, 503, 'no_healthy_endpoints')
    }
    return { candidates, strategy: this.#options.strategy, ...decision }
  }
}

/**
 * `openai` and its kin take every endpoint that speaks the OpenAI API; any other prefix only its own kind. An
 * endpoint whose kind is not known yet counts as OpenAI-compatible.
 */
function isInScope(endpoint: Endpoint, provider: BackendProfile | undefined): boolean {
  if (provider === undefined) return true
  if (provider.name === 'openai-compatible') return endpoint.profile?.openaiCompatible ?? true
  return endpoint.profile?.name === provider.name
}

function rejected(strategy: string, status: number, reason: string): RoutingOutcome {
  return { candidates: [], strategy, decision: 'rejected', reason, status }
}

/** Endpoints whose profile lists the path are preferred, as long as that leaves any (contract 6.7). */
function withoutModel(
  routable: readonly Endpoint[],
  provider: BackendProfile | undefined,
  path: string,
): RoutingOutcome {
  const supporting = routable.filter(({ profile }) => profile?.paths.includes(path) === true)
  const chosen = supporting.length > 0 ? supporting : routable
  return {
    candidates: chosen.map((endpoint) => ({ endpoint, nativeModel: undefined })),
    strategy: undefined,
    decision: chosen.length > 0 ? 'routed' : 'rejected',
    reason: chosen.length > 0 ? 'no_model_named' : 'no_healthy_endpoints',
    status: chosen.length > 0 ? 200 : provider === undefined ? 503 : 404,
  }
}
