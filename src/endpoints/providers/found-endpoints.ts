import { ConfigError } from '../../config/schema/diagnostics.ts'
import type { EndpointConfig, GatewayConfig } from '../../config/schema/schema.ts'
import type { Topic } from '../../runtime/links/peer-link.ts'
import type { LiveSet } from './live-set.ts'
import type { FoundView, LiveEndpoint, ProviderView } from './live-views.ts'

export interface FoundEndpointsOptions {
  readonly set: LiveSet
  /** Keys that the provider of that name gives to each of its endpoints. */
  readonly templateOf: (provider: string) => Readonly<Record<string, unknown>>
  /** Reads an endpoint in the form of the file. @throws ConfigError */
  readonly parse: (value: Readonly<Record<string, unknown>>) => EndpointConfig
  /** Whether an endpoint is the gateway itself. */
  readonly isOwn: (config: GatewayConfig, endpoint: EndpointConfig) => boolean
}

/** A found endpoint, and why it cannot serve if its settings are not valid. */
export interface FoundEndpointView extends FoundView {
  readonly problem: string | undefined
}

export interface DiscoveryView {
  readonly providers: readonly ProviderView[]
  readonly endpoints: readonly FoundEndpointView[]
}

/** A thread asks the control thread what providers have found. */
export const discoveryTopic: Topic<undefined, DiscoveryView> = 'providers.view'
/** Lets a pending endpoint serve; false if there is none of that name. */
export const approveTopic: Topic<string, boolean> = 'providers.approve'
/** Keeps a found endpoint from serving until it is approved; false if there is none of that name. */
export const rejectTopic: Topic<string, boolean> = 'providers.reject'
/** Reads all sources again soon. */
export const refreshTopic: Topic<undefined, true> = 'providers.refresh'

type Parsed = { readonly endpoint: EndpointConfig } | { readonly problem: string }

/** Turns what providers have found into endpoints of the configuration. */
export class FoundEndpoints {
  readonly #options: FoundEndpointsOptions
  /** By the text of the endpoint; those that serve now. */
  #parsed = new Map<string, Parsed>()
  #problems = new Map<string, string>()

  constructor(options: FoundEndpointsOptions) {
    this.#options = options
  }

  /** The given endpoints, and those that were found. */
  over(present: readonly EndpointConfig[], config: GatewayConfig): EndpointConfig[] {
    const { set, isOwn } = this.#options
    set.setFileEndpoints(present.map((endpoint) => ({ url: endpoint.url, name: nameOf(endpoint) })))
    const parsed = new Map<string, Parsed>()
    const problems = new Map<string, string>()
    const endpoints = [...present]
    const names = new Set(present.map(nameOf))
    for (const live of set.endpoints()) {
      const [text, result] = this.#read(live)
      parsed.set(text, result)
      if ('problem' in result) problems.set(live.name, result.problem)
      else if (isOwn(config, result.endpoint)) problems.set(live.name, 'is the gateway itself')
      else if (names.has(live.name)) problems.set(live.name, 'has the name of another endpoint')
      else endpoints.push(result.endpoint)
    }
    this.#parsed = parsed
    this.#problems = problems
    return endpoints
  }

  view(): DiscoveryView {
    const { set } = this.#options
    const endpoints = set.views().map((found) => ({ ...found, problem: this.#problems.get(found.name) }))
    return { providers: set.providers(), endpoints }
  }

  #read({ name, url, provider, settings }: LiveEndpoint): [text: string, result: Parsed] {
    const { templateOf, parse } = this.#options
    const value = { ...templateOf(provider), ...settings, name, url }
    const text = JSON.stringify(value)
    const known = this.#parsed.get(text)
    if (known !== undefined) return [text, known]
    try {
      return [text, { endpoint: parse(value) }]
    } catch (error) {
      const [first] = error instanceof ConfigError ? error.diagnostics : []
      const key = first?.key.replace(/^discovery\.static\.endpoints\[?\.?0\]?\.?/, '') ?? ''
      return [
        text,
        { problem: first === undefined ? 'is not valid' : `${key === '' ? '' : `${key}: `}${first.message}` },
      ]
    }
  }
}

function nameOf({ name, url }: EndpointConfig): string {
  return name ?? new URL(url).host
}
