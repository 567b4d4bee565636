import type { Policy } from '../../config/schema/callers-schema.ts'
import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import { matchesLower } from '../../kernel/names/glob.ts'
import { type ModelFilterRules, NameFilter } from '../../kernel/names/name-filter.ts'
import type { ModelAccess } from '../../routing/models/access.ts'

type AccessRules = Pick<Policy, 'models' | 'endpoints' | 'endpoint_tags'>

/** Rules of endpoints, compiled. */
interface EndpointRules {
  readonly include: readonly string[]
  readonly exclude: readonly string[]
  readonly tags: ReadonlySet<string>
}

/** Models and endpoints that all of several policies allow. */
class PolicyAccess implements ModelAccess {
  readonly #models: readonly NameFilter[]
  readonly #endpoints: readonly EndpointRules[]
  /** The answer for each endpoint: a changed endpoint is a new object. */
  readonly #known = new WeakMap<Endpoint, boolean>()

  constructor(policies: readonly AccessRules[]) {
    this.#models = policies
      .map(({ models }) => models)
      .filter(hasRules)
      .map((rules) => new NameFilter(rules))
    this.#endpoints = policies.filter(limitsEndpoints).map(endpointRules)
  }

  get limitsModels(): boolean {
    return this.#models.length > 0
  }

  allowsModel(name: string): boolean {
    for (const filter of this.#models) if (!filter.allows(name)) return false
    return true
  }

  allowsEndpoint(endpoint: Endpoint): boolean {
    const known = this.#known.get(endpoint)
    if (known !== undefined) return known
    const allowed = this.#endpoints.every((rules) => allows(rules, endpoint))
    this.#known.set(endpoint, allowed)
    return allowed
  }
}

/** @returns undefined if the policies allow every model and endpoint */
export function accessOf(policies: readonly AccessRules[]): ModelAccess | undefined {
  const limiting = policies.filter((policy) => hasRules(policy.models) || limitsEndpoints(policy))
  return limiting.length === 0 ? undefined : new PolicyAccess(limiting)
}

function hasRules({ include, exclude }: ModelFilterRules): boolean {
  return include.length > 0 || exclude.length > 0
}

function limitsEndpoints({ endpoints, endpoint_tags: tags }: AccessRules): boolean {
  return hasRules(endpoints) || tags.length > 0
}

function endpointRules({ endpoints, endpoint_tags: tags }: AccessRules): EndpointRules {
  return {
    include: endpoints.include.map(lower),
    exclude: endpoints.exclude.map(lower),
    tags: new Set(tags.map(lower)),
  }
}

/** An endpoint is allowed by its name or by a tag; an excluded name is not, whatever its tags. */
function allows({ include, exclude, tags }: EndpointRules, endpoint: Endpoint): boolean {
  const name = endpoint.name.toLowerCase()
  if (exclude.some((glob) => matchesLower(glob, name))) return false
  if (include.length === 0 && tags.size === 0) return true
  return include.some((glob) => matchesLower(glob, name)) || endpoint.tags.some((tag) => tags.has(lower(tag)))
}

function lower(text: string): string {
  return text.toLowerCase()
}
