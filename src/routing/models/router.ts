import type { ModelCatalog } from '../../endpoints/discovery/catalog.ts'
import type { BackendProfile } from '../../endpoints/profiles/profile.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { EndpointRegistry } from '../../endpoints/registry/registry.ts'
import { NameFilter } from '../../kernel/names/name-filter.ts'
import { AliasTiers, type Serving } from './alias-tiers.ts'
import type { Alias, ModelAliases } from './aliases.ts'
import { apiPathOf } from './api-paths.ts'
import { anyEndpoint, isInScope, isUnderstood, loadedState } from './candidates.ts'
import type { ModelDirectory } from './directory.ts'
import { someMayRefuse } from './media-routing.ts'
import { abilitiesOf } from './needs.ts'
import { found, outcomeOf, pooledTiers, rejected, servedRoute, tierOf, withoutRepeats } from './outcome.ts'
import type { PathKnowledge } from './path-knowledge.ts'
import type { RoutedEndpoint, RoutingOutcome, RoutingRequest, ServedRoute, Tier } from './routing.ts'
import { type Fallback, type ModelKnowledge, type StrategyName, strategies } from './routing-strategies.ts'
import { byPath, narrowed, PreferredTiers, someDiffer } from './tiers.ts'

export type { RoutedEndpoint, RoutingOutcome, RoutingRequest, ServedRoute, Tier } from './routing.ts'

export interface ModelRouterOptions {
  readonly strategy: StrategyName
  readonly fallback: Fallback
  /** Models to try if no endpoint can serve the requested one. */
  readonly fallbackModels: Readonly<Record<string, readonly string[]>>
  /** Model names that requests may use. */
  readonly filter: { readonly include: readonly string[]; readonly exclude: readonly string[] }
  /** Whether a miss refreshes the model lists (strategy `discovery`). */
  readonly refreshOnMiss: boolean
  /** Whether model discovery is enabled. */
  readonly discovers: boolean
}

interface Decided {
  readonly outcome: RoutingOutcome
  /** Whether the request's needs can change the outcome: candidates differ in abilities, or all lack one. */
  readonly readsNeeds: boolean
}

const never = () => false

type DecisionCache = Map<BackendProfile | undefined, Map<string | undefined, Map<string, Decided>>>

/** Maximum cached decisions, so that a client that invents names cannot fill memory. */
const maxCached = 10_000

/** Decides which endpoints may serve a request and why (contract 6.5 to 6.7). */
export class ModelRouter {
  readonly #registry: EndpointRegistry
  readonly #catalog: ModelCatalog
  readonly #directory: ModelDirectory
  readonly #aliases: ModelAliases
  readonly #paths: PathKnowledge
  #options: ModelRouterOptions
  #filter: NameFilter
  /** By slot. */
  readonly #endpointFilters: NameFilter[] = []
  readonly #aliasTiers: AliasTiers
  readonly #preferred = new PreferredTiers()
  /** Nested by provider, path and model: a joined key would be allocated for each request. */
  readonly #cache: DecisionCache = new Map()
  /** Of requests that can be translated: a path below theirs, such as one stored response, has the same API path. */
  readonly #translatedCache: DecisionCache = new Map()
  #cacheSize = 0
  #cachedEndpoints = 0
  #cachedStatuses = 0
  #cachedModels = 0
  #cachedPaths = 0

  constructor(
    parts: {
      registry: EndpointRegistry
      catalog: ModelCatalog
      directory: ModelDirectory
      aliases: ModelAliases
      paths: PathKnowledge
    },
    options: ModelRouterOptions,
  ) {
    this.#registry = parts.registry
    this.#catalog = parts.catalog
    this.#directory = parts.directory
    this.#aliases = parts.aliases
    this.#aliasTiers = new AliasTiers(parts.aliases, parts.catalog)
    this.#paths = parts.paths
    this.#options = options
    this.#filter = new NameFilter(options.filter)
    for (const endpoint of this.#registry.snapshot.endpoints) this.#setFilter(endpoint)
    this.#registry.follow({ present: (endpoint) => this.#setFilter(endpoint) })
  }

  /** Changes the options of later requests. */
  configure(options: ModelRouterOptions): void {
    this.#options = options
    this.#filter = new NameFilter(options.filter)
    // Makes all decisions stale.
    this.#cachedEndpoints = 0
  }

  /** Whether the gateway refreshes the model lists after this outcome. */
  wantsRefresh(outcome: RoutingOutcome): boolean {
    return (
      this.#options.strategy === 'discovery' &&
      this.#options.refreshOnMiss &&
      outcome.knowledge !== 'found' &&
      outcome.strategy === 'discovery'
    )
  }

  /** Whether no endpoint is known to have the requested model; one may have it by now. */
  isUnknown({ knowledge, decision, reason }: RoutingOutcome): boolean {
    return knowledge === 'unknown' && decision !== 'routed' && reason !== 'no_healthy_endpoints'
  }

  /** Whether any endpoint is known to have a model. */
  isListed(model: string | undefined): boolean {
    return model !== undefined && this.#places(model, undefined).length > 0
  }

  route(request: RoutingRequest): RoutingOutcome {
    const { model, provider, needs, prefers } = request
    if (model === undefined) return this.#withoutModel(request)
    this.#forgetStale()
    const apiPath = request.isTranslatable === true ? undefined : apiPathOf(request.path)
    const decisions = request.translates === undefined ? this.#cache : this.#translatedCache
    const cache = this.#cacheFor(decisions, provider, request.refresh, apiPath)
    let decided = cache.get(model)
    if (decided === undefined) {
      const { turnsTaken } = this.#aliasTiers
      const outcome = this.#byPath(this.#decide(request, model), apiPath, request.translates)
      decided = { outcome, readsNeeds: someDiffer(outcome.tiers) || someMayRefuse(outcome) }
      // A weighted choice differs from request to request, so it is not cached.
      if (this.#aliasTiers.turnsTaken === turnsTaken) {
        cache.set(model, decided)
        this.#cacheSize++
      }
    }
    const outcome =
      needs !== undefined && decided.readsNeeds ? narrowed(decided.outcome, needs) : decided.outcome
    return prefers === undefined ? outcome : this.#preferred.of(outcome, prefers)
  }

  #cacheFor(
    decisions: DecisionCache,
    provider: BackendProfile | undefined,
    refresh: RoutingRequest['refresh'],
    apiPath: string | undefined,
  ): Map<string, Decided> {
    let byPath = decisions.get(provider)
    if (byPath === undefined) {
      byPath = new Map()
      decisions.set(provider, byPath)
    }
    const key = refresh === undefined ? apiPath : `${refresh}\n${apiPath ?? ''}`
    let byModel = byPath.get(key)
    if (byModel === undefined) {
      byModel = new Map()
      byPath.set(key, byModel)
      // Clients choose paths freely, so only known ones are cached; weighted decisions never are.
      this.#cacheSize++
    }
    return byModel
  }

  #forgetStale(): void {
    const endpoints = this.#registry.snapshot.version
    const statuses = this.#registry.statusVersion
    const models = this.#catalog.snapshot.contentVersion
    const paths = this.#paths.version
    const isCurrent =
      endpoints === this.#cachedEndpoints &&
      statuses === this.#cachedStatuses &&
      models === this.#cachedModels &&
      paths === this.#cachedPaths
    if (isCurrent && this.#cacheSize < maxCached) return
    this.#cachedEndpoints = endpoints
    this.#cachedStatuses = statuses
    this.#cachedModels = models
    this.#cachedPaths = paths
    this.#cache.clear()
    this.#translatedCache.clear()
    this.#cacheSize = 0
  }

  #byPath(
    outcome: RoutingOutcome,
    apiPath: string | undefined,
    translates: RoutingRequest['translates'],
  ): RoutingOutcome {
    if (apiPath === undefined) return outcome
    return byPath(outcome, {
      serves: ({ endpoint, nativeModel }) => this.#paths.serves(endpoint, apiPath, nativeModel),
      lacksForSure: ({ endpoint, nativeModel }) => this.#paths.lacksForSure(endpoint, apiPath, nativeModel),
      translates: translates ?? never,
    })
  }

  /** Considers the endpoints with the model, and all endpoints only if none has it: there may be many. */
  #decide(request: RoutingRequest, model: string): RoutingOutcome {
    const { provider, dryRun } = request
    const alias = this.#aliases.find(model, this.#catalog.snapshot)
    const serving = (name: string) => this.#serving(name, provider, model)
    const fallbacks = this.#fallbackTiers(model, serving, dryRun)
    const lastResort = this.#lastResort(model, alias, provider)
    const aliased = alias === undefined ? [] : this.#aliasTiers.of(alias, serving, dryRun)
    if (alias !== undefined && aliased[0] !== undefined) {
      const reason = `alias "${alias.name}" resolved to ${aliased[0].candidates.length} endpoint(s)`
      const tiers = [...withoutRepeats([...aliased, ...fallbacks]), ...lastResort]
      return found({ strategy: 'alias', decision: 'routed', reason }, tiers)
    }
    const outcome = this.#byStrategy(request, model, lastResort.length > 0)
    const [first] = fallbacks
    if (outcome.decision === 'routed') {
      // A configured fallback model takes precedence over endpoints with unknown models.
      const [own, ...guesses] = outcome.tiers
      const tiers =
        own === undefined ? [] : [...withoutRepeats([own, ...fallbacks]), ...guesses, ...lastResort]
      return tiers.length === outcome.tiers.length ? outcome : outcomeOf({ ...outcome, tiers })
    }
    const guesses = outcome.tiers.map((tier) => ({ ...tier, route: servedRoute(outcome) }))
    if (first?.route !== undefined) return found(first.route, [...fallbacks, ...guesses, ...lastResort])
    return outcomeOf({ ...outcome, tiers: [...outcome.tiers, ...lastResort] })
  }

  /** @param isListed whether an unroutable endpoint has the model */
  #byStrategy({ provider, refresh }: RoutingRequest, model: string, isListed: boolean): RoutingOutcome {
    const { strategy, fallback, refreshOnMiss } = this.#options
    const serving = this.#serving(model, provider, model)
    const knowledge = serving.length > 0 ? 'found' : isListed ? 'unavailable' : 'unknown'
    const someRoutable = serving.length > 0 || this.#routable(provider).length > 0
    if (!someRoutable && !isListed) return this.#noneRoutable(strategy, provider, knowledge)
    const decision = strategies[strategy]({
      knowledge,
      fallback,
      refresh: strategy === 'discovery' && !refreshOnMiss ? 'off' : refresh,
      someRoutable,
    })
    if (decision.decision === 'rejected') {
      return decision.status === 404 && !this.#allHaveListed(provider)
        ? rejected(strategy, 503, 'model_lists_incomplete', knowledge)
        : rejected(strategy, decision.status, decision.reason, knowledge)
    }
    const tiers =
      decision.decision === 'routed' ? [tierOf(serving)] : [tierOf(this.#anyone(provider, model, []))]
    if (decision.decision === 'routed' && strategy !== 'strict' && fallback === 'all') {
      const route = { strategy, decision: 'fallback', reason: 'all_healthy_fallback' } as const
      tiers.push(tierOf(this.#anyone(provider, model, serving), route))
    }
    const able = tiers.filter(({ candidates }) => candidates.length > 0)
    if (able.length === 0) return rejected(strategy, 503, 'no_healthy_endpoints', knowledge)
    return outcomeOf({ tiers: able, strategy, knowledge, ...decision })
  }

  /** A backend type without configured endpoints is a mistake; one whose endpoints are down may return. */
  #noneRoutable(
    strategy: string | undefined,
    provider: BackendProfile | undefined,
    knowledge: ModelKnowledge,
  ): RoutingOutcome {
    const { endpoints } = this.#registry.snapshot
    const isConfigured = endpoints.some((endpoint) => isInScope(endpoint, provider))
    return rejected(
      strategy,
      provider === undefined || isConfigured ? 503 : 404,
      'no_healthy_endpoints',
      knowledge,
    )
  }

  /** Whether every endpoint in scope has reported its models. */
  #allHaveListed(provider: BackendProfile | undefined): boolean {
    const { byEndpoint } = this.#catalog.snapshot
    return (
      !this.#options.discovers ||
      this.#registry.snapshot.endpoints.every(
        (endpoint) => byEndpoint.has(endpoint.slot) || !isInScope(endpoint, provider),
      )
    )
  }

  /** Unroutable endpoints that have the model, a target of its alias or a fallback. */
  #lastResort(model: string, alias: Alias | undefined, provider: BackendProfile | undefined): Tier[] {
    const models = this.#catalog.snapshot
    const own = alias === undefined ? [model] : this.#aliases.modelsOf(alias, models)
    const others = this.#fallbackNames(model).flatMap((name) => this.#aliases.modelsNamed(name, models))
    const places = [...own, ...others].flatMap((name) =>
      this.#candidates(name, provider, model).filter(
        ({ endpoint }) => !this.#registry.isRoutable(endpoint.slot),
      ),
    )
    if (places.length === 0) return []
    const strategy = alias === undefined ? this.#options.strategy : 'alias'
    const route = { strategy, decision: 'routed', reason: 'last_resort' } as const
    return pooledTiers([places]).map((tier) => ({ ...tier, route, isLastResort: true }))
  }

  #fallbackNames(model: string): readonly string[] {
    const { fallbackModels } = this.#options
    return fallbackModels[model] ?? fallbackModels[model.toLowerCase()] ?? []
  }

  /** Routable endpoints in scope, except those known to have the model. */
  #anyone(provider: BackendProfile | undefined, model: string, but: readonly RoutedEndpoint[]) {
    const known = new Set(but.map(({ endpoint }) => endpoint.slot))
    return this.#routable(provider).flatMap((endpoint) =>
      this.#allows(endpoint, model) && !known.has(endpoint.slot) ? anyEndpoint(endpoint) : [],
    )
  }

  /** Tiers of the fallback models and aliases, in their order. */
  #fallbackTiers(model: string, serving: Serving, dryRun: boolean | undefined): Tier[] {
    return this.#fallbackNames(model).flatMap((name) => {
      const reason = `model_fallback "${model}" to "${name}"`
      const route: ServedRoute = { strategy: 'fallback', decision: 'fallback', reason }
      return this.#aliasTiers.ofName(name, serving, dryRun).map((tier) => ({ ...tier, route }))
    })
  }

  /** Routable endpoints in scope that have a model. */
  #serving(name: string, provider: BackendProfile | undefined, requested: string): RoutedEndpoint[] {
    return this.#candidates(name, provider, requested).filter(({ endpoint }) =>
      this.#registry.isRoutable(endpoint.slot),
    )
  }

  /** Endpoints in scope that have a model. */
  #candidates(name: string, provider: BackendProfile | undefined, requested: string): RoutedEndpoint[] {
    const known = this.#directory.abilities(this.#catalog.snapshot.find(name))
    return this.#places(name, provider).map(({ endpoint, model }) => ({
      endpoint,
      nativeModel: model.name,
      sentModel: isUnderstood(requested, model.name) ? undefined : model.name,
      isWarm: loadedState(model.state) ?? (endpoint.profile?.alwaysLoaded === true ? true : undefined),
      abilities: abilitiesOf(model, known),
    }))
  }

  #places(name: string, provider: BackendProfile | undefined) {
    if (!this.#filter.allows(name)) return []
    const { configuredBySlot } = this.#registry.snapshot
    return this.#catalog.snapshot.find(name).flatMap(({ slot, model }) => {
      const endpoint = configuredBySlot[slot]
      return endpoint !== undefined && isInScope(endpoint, provider) ? [{ endpoint, model }] : []
    })
  }

  #routable(provider: BackendProfile | undefined): Endpoint[] {
    return this.#registry.snapshot.endpoints.filter(
      (endpoint) => isInScope(endpoint, provider) && this.#registry.isRoutable(endpoint.slot),
    )
  }

  #setFilter({ slot, modelFilter }: Endpoint): void {
    this.#endpointFilters[slot] = new NameFilter(modelFilter)
  }

  /** Model filters apply to requests as well as to lists. */
  #allows({ slot }: Endpoint, model: string): boolean {
    return this.#filter.allows(model) && (this.#endpointFilters[slot]?.allows(model) ?? true)
  }

  /** Routes a request without a model; endpoints known to have the path come first (contract 6.7). */
  #withoutModel({ provider, path }: RoutingRequest): RoutingOutcome {
    const routable = this.#routable(provider)
    if (routable.length === 0) {
      const outcome = this.#noneRoutable(undefined, provider, 'found')
      const scope = this.#registry.snapshot.endpoints.filter((endpoint) => isInScope(endpoint, provider))
      const route = { strategy: undefined, decision: 'routed', reason: 'last_resort' } as const
      const tier = { ...tierOf(scope.map(anyEndpoint), route), isLastResort: true }
      return scope.length === 0 ? outcome : outcomeOf({ ...outcome, tiers: [tier] })
    }
    const outcome = outcomeOf({
      tiers: [tierOf(routable.map(anyEndpoint))],
      strategy: undefined,
      decision: 'routed',
      reason: 'no_model_named',
      status: 200,
      knowledge: 'found',
    })
    return this.#byPath(outcome, apiPathOf(path), undefined)
  }
}
