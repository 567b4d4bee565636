import type {
  FastifyInstance,
  FastifyPluginCallback,
  FastifyPluginOptions,
  FastifyRegisterOptions,
} from 'fastify'
import backendProfiles from '../../plugins/endpoints/backend-profiles.ts'
import circuitBreaker from '../../plugins/endpoints/circuit-breaker.ts'
import endpointRegistry from '../../plugins/endpoints/endpoint-registry.ts'
import healthChecker from '../../plugins/endpoints/health-checker.ts'
import modelDiscovery from '../../plugins/endpoints/model-discovery.ts'
import upstreamPools from '../../plugins/endpoints/upstream-pools.ts'
import bufferBudget from '../../plugins/http/buffer-budget.ts'
import gatewayStats from '../../plugins/observe/gateway-stats.ts'
import requestContext, { type RequestContextOptions } from '../../plugins/proxy/request-context.ts'
import requestHooks from '../../plugins/proxy/request-hooks.ts'
import endpointSelector from '../../plugins/routing/endpoint-selector.ts'
import events from '../../plugins/runtime/events.ts'
import lifecycle from '../../plugins/runtime/lifecycle.ts'
import peers from '../../plugins/runtime/peers.ts'
import state from '../../plugins/runtime/state.ts'
import { parseConfig } from '../config/load.ts'
import type { GatewayConfig } from '../config/schema/schema.ts'
import { usageSections } from '../dialects/all.ts'
import { profilesFolder, version } from '../kernel/package.ts'
import { healthOptions, poolOptions, registryOptions } from '../plugin-options.ts'

/** Sections of a configuration that `parseConfig` or `loadConfig` gives; without one its defaults hold. */
export type EndpointOptions = Partial<EndpointSections>

type EndpointSections = Pick<GatewayConfig, 'discovery' | 'proxy'>

export function sectionsOf({ discovery, proxy }: EndpointOptions): EndpointSections {
  if (discovery !== undefined && proxy !== undefined) return { discovery, proxy }
  const defaults = parseConfig({})
  return { discovery: discovery ?? defaults.discovery, proxy: proxy ?? defaults.proxy }
}

/*
 * What each public plugin needs and registers itself. An app that registers several of them has each part once, with
 * the options of the first.
 */

export async function requireEvents(app: FastifyInstance): Promise<void> {
  await once(app, peers, {})
  await once(app, events, {})
  await once(app, state, {})
}

export async function requireRequests(
  app: FastifyInstance,
  options: RequestContextOptions = {},
): Promise<void> {
  await requireEvents(app)
  await once(app, requestContext, options)
}

export async function requireEndpoints(
  app: FastifyInstance,
  { discovery, proxy }: EndpointSections,
): Promise<void> {
  await requireEvents(app)
  await once(app, backendProfiles, { builtIn: profilesFolder, usageSections, filter: proxy.profile_filter })
  const { endpoints } = discovery.static
  await once(app, endpointRegistry, { endpoints, proxy, ...registryOptions(discovery) })
}

export async function requireBreakers(app: FastifyInstance, sections: EndpointSections): Promise<void> {
  await requireEndpoints(app, sections)
  await once(app, circuitBreaker, {})
}

export async function requireHealth(app: FastifyInstance, sections: EndpointSections): Promise<void> {
  await requireBreakers(app, sections)
  await once(app, upstreamPools, poolOptions(sections.proxy))
  await once(app, healthChecker, healthOptions(sections.discovery))
}

export async function requireProxying(app: FastifyInstance, sections: EndpointSections): Promise<void> {
  await requireHealth(app, sections)
  await requireRequests(app)
  await once(app, lifecycle, {})
  await once(app, bufferBudget, {})
  await once(app, requestHooks, {})
  await once(app, modelDiscovery, { version, enabled: false })
  const { load_balancer: strategy, priority_tiers: priorityTiers } = sections.proxy
  await once(app, endpointSelector, { strategy, priorityTiers })
  await once(app, gatewayStats, {})
}

/** Registers a plugin that the app does not have yet. */
export async function once<Options extends FastifyPluginOptions>(
  app: FastifyInstance,
  plugin: FastifyPluginCallback<Options>,
  options: FastifyRegisterOptions<Options>,
): Promise<void> {
  if (app.hasPlugin(nameOf(plugin))) return
  await app.register(plugin, options)
}

/** `fastify-plugin` keeps it there. */
function nameOf(plugin: object): string {
  const meta: unknown = Reflect.get(plugin, Symbol.for('plugin-meta'))
  return typeof meta === 'object' && meta !== null ? String(Reflect.get(meta, 'name')) : ''
}
