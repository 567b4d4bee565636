import { Type } from '@sinclair/typebox'
import { type OptionsOf, optionsOf } from '../../config/options/options.ts'
import type { SectionOptions } from '../../config/options/sections.ts'
import { BreakerSchema } from '../../config/schema/proxy-schema.ts'
import type { EndpointConfig } from '../../config/schema/schema.ts'
import type { BackendProfile } from '../profiles/profile.ts'
import { type SignalSource, signalSource } from '../signals/signal-source.ts'
import { credentialNames, endpointHeaders } from './auth.ts'
import type { BreakerPolicy } from './breaker-policy.ts'
import type { Endpoint, EndpointSignals, EndpointWake, StageTimeouts } from './endpoint.ts'
import { endpointIds, shownUrl } from './identity.ts'
import { joinPath } from './upstream-path.ts'

export interface BuildContext {
  /** Finds a profile by name or prefix; undefined for `auto` and unknown types. */
  profile(type: string): BackendProfile | undefined
  readonly proxy: SectionOptions<'proxy'>
}

/**
 * Builds endpoints from their configuration.
 * @param rows slot of each endpoint; by default its position
 */
export function buildEndpoints(
  configs: readonly EndpointConfig[],
  context: BuildContext,
  rows: readonly number[] = [],
): Endpoint[] {
  const named = configs.map((config) => {
    const url = new URL(config.url)
    return { config, url, name: config.name ?? url.host, shown: shownUrl(url) }
  })
  const ids = endpointIds(named.map(({ name, shown }) => ({ name, url: shown })))
  return named.map(({ config, url, name, shown }, index) => {
    const profile = config.type === 'auto' ? undefined : context.profile(config.type)
    const headers = endpointHeaders(config)
    const basePath = url.pathname.replace(/\/+$/, '')
    return {
      slot: rows[index] ?? index,
      id: ids.get(name) ?? name,
      name,
      tags: config.tags,
      url: shown,
      origin: url.origin,
      basePath,
      preservePath: config.preserve_path,
      query: url.search === '' ? undefined : url.search.slice(1),
      type: config.type,
      profile,
      priority: config.priority,
      weight: config.weight,
      maxConcurrent: config.max_concurrent,
      healthUrl: joinUrl(url, config.health_check_url ?? profile?.healthCheckPath ?? '/'),
      modelUrl: joinUrl(url, config.model_url ?? profile?.modelDiscoveryPath ?? '/v1/models'),
      ownHealthUrl: config.health_check_url !== undefined,
      ownModelUrl: config.model_url !== undefined,
      checkIntervalMs: config.check_interval,
      checkTimeoutMs: config.check_timeout,
      unhealthyThreshold: config.unhealthy_threshold,
      headers,
      secretHeaderNames: headerNames(headers),
      credentialNames: context.proxy.management ? noNames : credentialNames(config),
      allowsManagement: context.proxy.management,
      modelFilter: config.model_filter,
      signals: withUrls(url, config.signals?.map(signalSource) ?? profile?.signals ?? []),
      ownSignals: config.signals !== undefined,
      wake: wakeOf(config),
      timeouts: stageTimeouts(config, context.proxy),
      breaker: breakerPolicy({
        ...context.proxy.circuitBreaker,
        ...optionsOf(PartialBreaker, config.circuit_breaker ?? {}),
      }),
    }
  })
}

/** Applies a detected profile: its paths replace those that the configuration leaves open. */
export function withProfile(endpoint: Endpoint, profile: BackendProfile): Endpoint {
  const base = new URL(endpoint.url)
  if (endpoint.query !== undefined) base.search = endpoint.query
  return {
    ...endpoint,
    profile,
    healthUrl: endpoint.ownHealthUrl ? endpoint.healthUrl : joinUrl(base, profile.healthCheckPath),
    modelUrl: endpoint.ownModelUrl ? endpoint.modelUrl : joinUrl(base, profile.modelDiscoveryPath),
    signals: endpoint.ownSignals ? endpoint.signals : withUrls(base, profile.signals),
  }
}

function withUrls(base: URL, sources: readonly SignalSource[]): EndpointSignals[] {
  return sources.map((source) => ({ ...source, url: joinUrl(base, source.path) }))
}

export function withHeaders(endpoint: Endpoint, headers: readonly string[]): Endpoint {
  return { ...endpoint, headers, secretHeaderNames: headerNames(headers) }
}

/**
 * Joins a path to the endpoint's base path and adds its query. An absolute URL (an external monitor) stays as it is.
 */
function joinUrl(base: URL, pathOrUrl: string): string {
  if (/^https?:\/\//i.test(pathOrUrl)) return pathOrUrl
  const path = pathOrUrl.startsWith('/') ? pathOrUrl : `/${pathOrUrl}`
  const joined = `${base.origin}${joinPath(base.pathname.replace(/\/+$/, ''), path)}`
  if (base.search === '') return joined
  return joined + (joined.includes('?') ? `&${base.search.slice(1)}` : base.search)
}

function wakeOf({ mac, wake }: EndpointConfig): EndpointWake | undefined {
  if (mac === undefined) return undefined
  const { address, port, wait: waitMs, interval: intervalMs } = wake
  return { mac, address, port, waitMs, intervalMs }
}

const noNames: ReadonlySet<string> = new Set()

function headerNames(pairs: readonly string[]): ReadonlySet<string> {
  return new Set(pairs.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase().replaceAll('_', '-')))
}

function stageTimeouts({ timeouts }: EndpointConfig, proxy: SectionOptions<'proxy'>): StageTimeouts {
  return {
    connectMs: timeouts.connect || proxy.connectionTimeoutMs,
    tlsMs: timeouts.tls || proxy.tlsHandshakeTimeoutMs,
    firstByteMs: timeouts.first_byte || proxy.responseHeaderTimeoutMs,
    idleMs: timeouts.idle || proxy.readTimeoutMs,
    totalMs: timeouts.total || proxy.responseTimeoutMs,
  }
}

const PartialBreaker = Type.Partial(BreakerSchema)

export function breakerPolicy(options: OptionsOf<typeof BreakerSchema>): BreakerPolicy {
  return { ...options, failureStatuses: new Set(options.failureStatuses) }
}
