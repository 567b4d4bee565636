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
import gatewayStats from '../../plugins/observe/gateway-stats.ts'
import requestContext, { type RequestContextOptions } from '../../plugins/proxy/request-context.ts'
import requestHooks from '../../plugins/proxy/request-hooks.ts'
import endpointSelector from '../../plugins/routing/endpoint-selector.ts'
import bufferBudget from '../../plugins/runtime/buffer-budget.ts'
import events from '../../plugins/runtime/events.ts'
import lifecycle from '../../plugins/runtime/lifecycle.ts'
import peers from '../../plugins/runtime/peers.ts'
import state from '../../plugins/runtime/state.ts'
import { readSections, type Sections } from '../config/options/sections.ts'
import { usageSections } from '../dialects/all.ts'

/** The endpoints and how requests reach them: the whole or a part of what `parseConfig` or `loadConfig` returns. */
export type EndpointOptions = Sections<'discovery' | 'proxy'>

/** @throws ConfigError if an option is not one of the sections, or if a key is unknown or has an invalid value */
export function sectionsOf(options: EndpointOptions): EndpointOptions {
  readSections(options, ['discovery', 'proxy'])
  const { discovery, proxy } = options
  return { discovery, proxy }
}

/*
 * The plugins that each public plugin needs and registers itself. If an app registers several public plugins, each of
 * these is registered once, with the options of the first.
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
  { discovery, proxy }: EndpointOptions,
): Promise<void> {
  await requireEvents(app)
  await once(app, backendProfiles, { proxy, usageSections })
  await once(app, endpointRegistry, { discovery, proxy })
}

export async function requireBreakers(app: FastifyInstance, sections: EndpointOptions): Promise<void> {
  await requireEndpoints(app, sections)
  await once(app, circuitBreaker, {})
}

export async function requireHealth(app: FastifyInstance, sections: EndpointOptions): Promise<void> {
  await requireBreakers(app, sections)
  await once(app, upstreamPools, { proxy: sections.proxy })
  await once(app, healthChecker, { discovery: sections.discovery })
}

export async function requireProxying(app: FastifyInstance, sections: EndpointOptions): Promise<void> {
  await requireHealth(app, sections)
  await requireRequests(app)
  await once(app, lifecycle, {})
  await once(app, bufferBudget, {})
  await once(app, requestHooks, {})
  await once(app, modelDiscovery, { discovery: { model_discovery: { enabled: false } } })
  await once(app, endpointSelector, { proxy: sections.proxy })
  await once(app, gatewayStats, {})
}

/** Registers a plugin unless the app has it already. */
export async function once<Options extends FastifyPluginOptions>(
  app: FastifyInstance,
  plugin: FastifyPluginCallback<Options>,
  options: FastifyRegisterOptions<Options>,
): Promise<void> {
  if (app.hasPlugin(nameOf(plugin))) return
  await app.register(plugin, options)
}

/** `fastify-plugin` stores the name there. */
function nameOf(plugin: object): string {
  const meta: unknown = Reflect.get(plugin, Symbol.for('plugin-meta'))
  return typeof meta === 'object' && meta !== null ? String(Reflect.get(meta, 'name')) : ''
}
