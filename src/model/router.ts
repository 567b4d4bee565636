import type { Endpoint } from '../endpoint/endpoint.ts'
import type { EndpointRegistry } from '../endpoint/registry.ts'
import { type Alias, type AliasTarget, type ModelAliases, WeightedTurns } from './aliases.ts'
import type { ModelCatalog } from './catalog.ts'
import type { ModelDirectory } from './directory.ts'
import { NameFilter } from './glob.ts'
import {
  abilitiesOf,
  areAlike,
  isKnownAble,
  type KnownAbilities,
  needNames,
  type RequestNeeds,
} from './needs.ts'
import type { BackendProfile } from './profile.ts'
import {
  type Fallback,
  type ModelKnowledge,
  type Refresh,
  type RoutingDecision,
  type StrategyName,
  strategies,
} from './routing-strategies.ts'

/** An endpoint that may serve a request, and the name it has for the model. */
export interface RoutedEndpoint {
  readonly endpoint: Endpoint
  /** As the endpoint spells it; undefined where the request names no model. */
  readonly nativeModel: string | undefined
  /** What must stand in the body instead of what the client wrote; undefined where that will do. */
  readonly sentModel: string | undefined
  /** Whether the endpoint holds the model in memory; undefined where nobody tells. */
  readonly isWarm: boolean | undefined
  readonly abilities: KnownAbilities | undefined
}

export interface RoutingOutcome {
  readonly candidates: readonly RoutedEndpoint[]
  /** `X-Olla-Routing-Strategy`; undefined where the request names no model. */
  readonly strategy: string | undefined
  readonly decision: RoutingDecision['decision']
  readonly reason: string
  /** HTTP status of a rejection, 200 otherwise. */
  readonly status: number
  readonly knowledge: ModelKnowledge
}

export interface RoutingRequest {
  readonly model: string | undefined
  /** Profile of the provider prefix; undefined on routes for all endpoints. */
  readonly provider: BackendProfile | undefined
  /** Path that the endpoint is asked for. */
  readonly path: string
  /** Asked for only where candidates differ. */
  readonly needs?: (() => RequestNeeds) | undefined
  /** What became of asking the endpoints again, where that was due. */
  readonly refresh?: Refresh | undefined
  /** Whether the request is only talked about: then nobody's turn moves. */
  readonly isLook?: boolean
}

export interface ModelRouterOptions {
  readonly strategy: StrategyName
  readonly fallback: Fallback
  /** Models to try where none can serve the one asked for. */
  readonly fallbackModels: Readonly<Record<string, readonly string[]>>
  /** Names that requests may use at all. */
  readonly filter: { readonly include: readonly string[]; readonly exclude: readonly string[] }
  /** `discovery`: whether endpoints are asked again on a miss. */
  readonly refreshOnMiss: boolean
}

interface Decided {
  readonly outcome: RoutingOutcome
  /** Whether its candidates differ in what they are known to be able to; else what a request needs decides nothing. */
  readonly differ: boolean
}

/** Most decisions that are kept; a client that invents names must not fill memory. */
const cacheSize = 10_000

/** Decides which endpoints may serve a request, and says why (contract 6.5 to 6.7). */
export class ModelRouter {
  readonly #registry: EndpointRegistry
  readonly #catalog: ModelCatalog
  readonly #directory: ModelDirectory
  readonly #aliases: ModelAliases
  readonly #options: ModelRouterOptions
  readonly #filter: NameFilter
  readonly #endpointFilters: readonly NameFilter[]
  readonly #turns = new WeightedTurns()
  readonly #cache = new Map<string, Decided>()
  #cachedEndpoints = 0
  #cachedStatuses = 0
  #cachedModels = 0

  constructor(
    parts: {
      registry: EndpointRegistry
      catalog: ModelCatalog
      directory: ModelDirectory
      aliases: ModelAliases
    },
    options: ModelRouterOptions,
  ) {
    this.#registry = parts.registry
    this.#catalog = parts.catalog
    this.#directory = parts.directory
    this.#aliases = parts.aliases
    this.#options = options
    this.#filter = new NameFilter(options.filter)
    this.#endpointFilters = this.#registry.snapshot.endpoints.map(
      ({ modelFilter }) => new NameFilter(modelFilter),
    )
  }

  /** Whether this outcome is one after which the endpoints shall be asked again. */
  wantsRefresh(outcome: RoutingOutcome): boolean {
    return (
      this.#options.strategy === 'discovery' &&
      this.#options.refreshOnMiss &&
      outcome.knowledge !== 'found' &&
      outcome.strategy === 'discovery'
    )
  }

  route(request: RoutingRequest): RoutingOutcome {
    const { model, provider, needs } = request
    if (model === undefined) return this.#withoutModel(request)
    this.#forgetStale()
    const key = `${provider?.name ?? ''}\n${request.refresh ?? ''}\n${model}`
    let decided = this.#cache.get(key)
    if (decided === undefined) {
      const outcome = this.#decide(request, model)
      decided = { outcome, differ: someDiffer(outcome.candidates) }
      // Whose turn it is changes from one request to the next.
      if (this.#aliases.get(model)?.mode !== 'weighted') this.#cache.set(key, decided)
    }
    return needs !== undefined && decided.differ ? narrowed(decided.outcome, needs) : decided.outcome
  }

  #forgetStale(): void {
    const endpoints = this.#registry.snapshot.version
    const statuses = this.#registry.statusVersion
    const models = this.#catalog.snapshot.contentVersion
    const isCurrent =
      endpoints === this.#cachedEndpoints &&
      statuses === this.#cachedStatuses &&
      models === this.#cachedModels
    if (isCurrent && this.#cache.size < cacheSize) return
    this.#cachedEndpoints = endpoints
    this.#cachedStatuses = statuses
    this.#cachedModels = models
    this.#cache.clear()
  }

  /** Looks at the endpoints that have the model, and at all of them only where none has: there may be many. */
  #decide(request: RoutingRequest, model: string): RoutingOutcome {
    const alias = this.#aliases.get(model)
    if (alias !== undefined) {
      const candidates = this.#servingAlias(alias, request.provider, request.isLook)
      if (candidates.length > 0) {
        return {
          candidates,
          strategy: 'alias',
          decision: 'routed',
          reason: `alias "${alias.name}" resolved to ${candidates.length} endpoint(s)`,
          status: 200,
          knowledge: 'found',
        }
      }
    }
    const outcome = this.#byStrategy(request, model)
    if (outcome.decision === 'routed') return outcome
    return this.#fallbackModel(model, request.provider) ?? outcome
  }

  #byStrategy({ provider, refresh }: RoutingRequest, model: string): RoutingOutcome {
    const { strategy, fallback, refreshOnMiss } = this.#options
    const serving = this.#serving(model, provider, model)
    const isListed = serving.length > 0 || this.#places(model, provider).length > 0
    const knowledge = serving.length > 0 ? 'found' : isListed ? 'unavailable' : 'unknown'
    const someRoutable = serving.length > 0 || this.#routable(provider).length > 0
    if (!someRoutable && !isListed) {
      return rejected(strategy, provider === undefined ? 503 : 404, 'no_healthy_endpoints', knowledge)
    }
    const decision = strategies[strategy]({
      knowledge,
      fallback,
      refresh: strategy === 'discovery' && !refreshOnMiss ? 'off' : refresh,
      someRoutable,
    })
    const candidates =
      decision.decision === 'routed'
        ? serving
        : decision.decision === 'fallback'
          ? this.#routable(provider).flatMap((endpoint) =>
              this.#allows(endpoint, model) ? anyEndpoint(endpoint) : [],
            )
          : []
    if (decision.decision !== 'rejected' && candidates.length === 0) {
      return rejected(strategy, 503, 'no_healthy_endpoints', knowledge)
    }
    return { candidates, strategy, knowledge, ...decision }
  }

  #fallbackModel(model: string, provider: BackendProfile | undefined): RoutingOutcome | undefined {
    const { fallbackModels } = this.#options
    const names = fallbackModels[model] ?? fallbackModels[model.toLowerCase()]
    for (const name of names ?? []) {
      const candidates = this.#serving(name, provider, model)
      if (candidates.length === 0) continue
      const reason = `model_fallback "${model}" to "${name}"`
      return {
        candidates,
        strategy: 'fallback',
        decision: 'fallback',
        reason,
        status: 200,
        knowledge: 'found',
      }
    }
    return undefined
  }

  /** Endpoints for an alias: pooled, the first target that can be served, or the one whose turn it is. */
  #servingAlias(
    alias: Alias,
    provider: BackendProfile | undefined,
    isLook: boolean | undefined,
  ): RoutedEndpoint[] {
    const serving = alias.targets.map(({ model }: AliasTarget) => this.#serving(model, provider, alias.name))
    switch (alias.mode) {
      case 'pooled': {
        const bySlot = new Map<number, RoutedEndpoint>()
        for (const routed of serving.flat())
          if (!bySlot.has(routed.endpoint.slot)) bySlot.set(routed.endpoint.slot, routed)
        return [...bySlot.values()]
      }
      case 'ordered':
        return serving.find((candidates) => candidates.length > 0) ?? []
      case 'weighted': {
        const turn = this.#turns.next(
          alias,
          serving.map((candidates) => candidates.length > 0),
          isLook,
        )
        return turn === undefined ? [] : (serving[turn] ?? [])
      }
    }
  }

  /** Routable endpoints in scope that have a model. */
  #serving(name: string, provider: BackendProfile | undefined, asked: string): RoutedEndpoint[] {
    const known = this.#directory.abilities(this.#catalog.snapshot.find(name))
    return this.#places(name, provider).flatMap(({ endpoint, model }) => {
      if (!this.#registry.isRoutable(endpoint.slot)) return []
      return {
        endpoint,
        nativeModel: model.name,
        sentModel: isUnderstood(asked, model.name) ? undefined : model.name,
        isWarm: endpoint.profile?.alwaysLoaded === true ? true : loadedState(model.state),
        abilities: abilitiesOf(model, known),
      }
    })
  }

  #places(name: string, provider: BackendProfile | undefined) {
    if (!this.#filter.allows(name)) return []
    const { bySlot } = this.#registry.snapshot
    return this.#catalog.snapshot.find(name).flatMap(({ slot, model }) => {
      const endpoint = bySlot[slot]
      return endpoint !== undefined && isInScope(endpoint, provider) ? [{ endpoint, model }] : []
    })
  }

  #routable(provider: BackendProfile | undefined): Endpoint[] {
    return this.#registry.snapshot.endpoints.filter(
      (endpoint) => isInScope(endpoint, provider) && this.#registry.isRoutable(endpoint.slot),
    )
  }

  /** Filters bind requests as well as lists. */
  #allows({ slot }: Endpoint, model: string): boolean {
    return this.#filter.allows(model) && (this.#endpointFilters[slot]?.allows(model) ?? true)
  }

  /** Endpoints whose profile lists the path are preferred, as long as that leaves any (contract 6.7). */
  #withoutModel({ provider, path }: RoutingRequest): RoutingOutcome {
    const routable = this.#routable(provider)
    const supporting = routable.filter(({ profile }) => profile?.paths.includes(path) === true)
    const chosen = supporting.length > 0 ? supporting : routable
    if (chosen.length === 0) {
      return {
        ...rejected('', provider === undefined ? 503 : 404, 'no_healthy_endpoints', 'found'),
        strategy: undefined,
      }
    }
    return {
      candidates: chosen.map(anyEndpoint),
      strategy: undefined,
      decision: 'routed',
      reason: 'no_model_named',
      status: 200,
      knowledge: 'found',
    }
  }
}

/** Case is not every backend's; `:latest` is Ollama's to add. */
function isUnderstood(asked: string, native: string): boolean {
  return asked === native || native === `${asked}:latest`
}

function loadedState(state: 'loaded' | 'not-loaded' | undefined): boolean | undefined {
  return state === undefined ? undefined : state === 'loaded'
}

function anyEndpoint(endpoint: Endpoint): RoutedEndpoint {
  return { endpoint, nativeModel: undefined, sentModel: undefined, isWarm: undefined, abilities: undefined }
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

function rejected(
  strategy: string,
  status: number,
  reason: string,
  knowledge: ModelKnowledge,
): RoutingOutcome {
  return { candidates: [], strategy, decision: 'rejected', reason, status, knowledge }
}

function someDiffer(candidates: readonly RoutedEndpoint[]): boolean {
  return candidates.some(({ abilities }) => !areAlike(abilities, candidates[0]?.abilities))
}

/** Keeps the candidates that are known to be able to what the request needs, if any are. */
function narrowed(outcome: RoutingOutcome, read: () => RequestNeeds): RoutingOutcome {
  const needs = read()
  let { candidates } = outcome
  const by: string[] = []
  for (const need of ['vision', 'tools', 'embeddings', 'audio', 'structured', 'promptTokens'] as const) {
    if (needs[need] === false || needs[need] === 0) continue
    const able = candidates.filter(
      ({ abilities }) => abilities !== undefined && isKnownAble(need, needs, abilities),
    )
    if (able.length === 0 || able.length === candidates.length) continue
    candidates = able
    by.push(needNames[need])
  }
  return by.length === 0
    ? outcome
    : { ...outcome, candidates, reason: `${outcome.reason}; able: ${by.join(', ')}` }
}
