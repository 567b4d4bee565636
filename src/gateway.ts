import type {
  FastifyInstance,
  FastifyPluginAsync,
  FastifyPluginCallback,
  FastifyPluginOptions,
  FastifyRequest,
} from 'fastify'
import internalAccess from '../plugins/admin/internal-access.ts'
import security from '../plugins/admin/security.ts'
import caller from '../plugins/http/caller.ts'
import ownSchemas from '../plugins/http/own-schemas.ts'
import gatewayStats from '../plugins/observe/gateway-stats.ts'
import liveRequests from '../plugins/observe/live-requests.ts'
import metrics from '../plugins/observe/metrics.ts'
import processReadings from '../plugins/observe/process-readings.ts'
import requestLog from '../plugins/observe/request-log.ts'
import sampler from '../plugins/observe/sampler.ts'
import dispatch from '../plugins/proxy/dispatch.ts'
import hedging from '../plugins/proxy/hedging.ts'
import modelUse from '../plugins/proxy/model-use.ts'
import proxyEngine from '../plugins/proxy/proxy-engine.ts'
import requestContext from '../plugins/proxy/request-context.ts'
import requestHooks from '../plugins/proxy/request-hooks.ts'
import sessionAffinity from '../plugins/proxy/session-affinity.ts'
import endpointSelector from '../plugins/routing/endpoint-selector.ts'
import modelDirectory from '../plugins/routing/model-directory.ts'
import modelRouting from '../plugins/routing/model-routing.ts'
import bufferBudget from '../plugins/runtime/buffer-budget.ts'
import eventLog from '../plugins/runtime/event-log.ts'
import lifecycle from '../plugins/runtime/lifecycle.ts'
import internalClients from '../routes/admin/clients.ts'
import internalConfig from '../routes/admin/config.ts'
import endpointAdmin from '../routes/admin/endpoint-admin.ts'
import endpointDrain from '../routes/admin/endpoint-drain.ts'
import internalEvents from '../routes/admin/events.ts'
import internalExplain from '../routes/admin/explain.ts'
import internalHealth from '../routes/admin/health.ts'
import internalMetrics from '../routes/admin/metrics.ts'
import modelOperationRoutes from '../routes/admin/model-operations.ts'
import internalOpenApi from '../routes/admin/openapi.ts'
import internalProcess from '../routes/admin/process.ts'
import internalQueue from '../routes/admin/queue.ts'
import internalReload from '../routes/admin/reload.ts'
import internalRequests from '../routes/admin/requests.ts'
import settingRoutes from '../routes/admin/settings.ts'
import internalStats from '../routes/admin/stats.ts'
import internalStatus from '../routes/admin/status.ts'
import versionRoute from '../routes/admin/version.ts'
import modelRoutes from '../routes/dialects/models.ts'
import ollamaRoutes from '../routes/dialects/ollama.ts'
import proxyRoutes from '../routes/proxy/proxy.ts'
import type { LimitStore } from './admin/security/limit-store.ts'
import {
  registerBase,
  registerCallers,
  registerCluster,
  registerEndpoints,
  type ThreadOfSeveral,
} from './base.ts'
import { withWriteTimeout } from './config/checks/write-timeout.ts'
import { callersAreOn, clusterIsOn, ledgerIsOn } from './config/options/derived.ts'
import type { GatewayConfig } from './config/schema/schema.ts'
import type { ConversationStore } from './dialects/openai/responses/store/conversation-store.ts'
import type { ResponseStore } from './dialects/openai/responses/store/stored.ts'
import { wholeRefusal } from './dialects/requests/parser-refusal.ts'
import type { ProfileDocument } from './endpoints/profiles/profile-store.ts'
import { kConnectionLimit } from './http/contract/capabilities.ts'
import type { RequestLogger } from './observe/logging/line-logger.ts'
import type { RequestHooks } from './proxy/request/hooks.ts'
import type { SessionStore } from './routing/affinity/session-store.ts'
import type { EndpointLoad, EndpointSelector } from './routing/selection/selector.ts'
import { type ConfigControl, configControl } from './runtime/configuration/control.ts'
import type { ConfigSource } from './runtime/configuration/reloads.ts'
import type { GatewayEvent } from './runtime/events/events.ts'
import type { DrainResult } from './runtime/lifecycle/drain.ts'
import { processCells, runCells } from './runtime/process/process-cells.ts'

export interface GatewayOptions {
  /** Result of `loadConfig` or `parseConfig`. */
  readonly config: GatewayConfig
  /** Logger for request lines; the app's own logger by default. */
  readonly requestLogger?: RequestLogger | undefined
  /** Starts the drain when aborted, before the app closes; by default closing the app starts it. */
  readonly drainSignal?: AbortSignal | undefined
  /** Called once when a drain has finished or cut its requests. */
  readonly onDrained?: (result: DrainResult) => void
  /** Identifies the caller of a request for limits, logs and statistics. If it throws, the response is a 401. */
  readonly identify?: (request: FastifyRequest) => string | undefined | Promise<string | undefined>
  /** Functions that run around each request and its attempts. */
  readonly hooks?: RequestHooks
  /** Called for every event, after the event-loop turn in which it occurred. */
  readonly onEvent?: (event: GatewayEvent) => void
  /** Creates the selector that chooses among suitable endpoints, in place of `proxy.load_balancer`. */
  readonly selector?: (load: EndpointLoad) => EndpointSelector
  /** Your own backend profiles; they add to the built-in ones or replace them by name. */
  readonly profiles?: readonly ProfileDocument[]
  readonly stores?: {
    /** Store of the rate limits; in this process by default. */
    readonly limits?: LimitStore
    /** Store of the sessions; in this process by default. */
    readonly sessions?: SessionStore
    /** Store of translated responses that clients may continue; in this process by default. */
    readonly responses?: ResponseStore
    /** Store of the conversations of the Responses API; in this process by default. */
    readonly conversations?: ConversationStore
  }
  /** Where the configuration can be loaded again. By default it cannot. */
  readonly configSource?: ConfigSource | undefined
  /** Called once, before the app is ready, with functions that change the configuration while the gateway runs. */
  readonly onConfigControl?: ((control: ConfigControl) => void) | undefined
  /** Set on the serving threads of the gateway's own process; absent by default. */
  readonly thread?: ThreadOfSeveral | undefined
  /** Whether the gateway may collect garbage after the start, because it is alone in the process. Default: false. */
  readonly ownsProcess?: boolean
  /** Called once with a function that counts log lines that could not be written. */
  readonly onLostLines?: ((count: (lines: number) => void) => void) | undefined
}

/**
 * The gateway as one Fastify plugin. It is encapsulated in its own scope, so nothing leaks into the host, and `prefix`
 * applies to every route.
 */
export default function gateway(
  app: FastifyInstance,
  options: GatewayOptions,
  done: (error?: Error) => void,
): void {
  compose(app, options).then(() => done(), done)
}

/** Composes the gateway. Plugins start in this order and close in reverse. */
async function compose(app: FastifyInstance, options: GatewayOptions): Promise<void> {
  const { thread, drainSignal, onDrained, stores } = options
  const config = withWriteTimeout(options.config)
  const { server, proxy, discovery, translators, dashboard, telemetry, metrics: series } = config
  const { model_registry, model_aliases, model_fallbacks, model_filter, models, callers, cluster } = config
  const when = registerWhen(app)

  // Runtime: what all other plugins need.
  await app.register(ownSchemas)
  await registerBase(app, config, { thread, onEvent: options.onEvent })
  await app.register(metrics)
  await app.register(processReadings)
  // With several threads, control announces the phases for all.
  const announces = thread === undefined
  await app.register(lifecycle, { server, refusal: wholeRefusal, announces, signal: drainSignal, onDrained })
  const { counts } = app.gatewayState.of(processCells)
  options.onLostLines?.((lines) => counts.add(0, counts.column('lostLogLines'), lines))
  await when(options.ownsProcess === true, () => import('../plugins/runtime/idle-collection.ts'), {
    ended: () => app.gatewayStats.totals().requests,
  })
  await when(thread === undefined, () => import('../plugins/observe/event-lines.ts'), {})
  await app.register(eventLog, { dashboard })
  await registerCluster(app, config)
  await app.register(bufferBudget, { server })

  // Hooks for every request. The context is first, so that a request rejected later has an ID and a log line.
  await app.register(requestContext, { server, pseudonym: app.gatewayState.of(runCells).pseudonym })
  await app.register(requestHooks, { hooks: options.hooks })
  await when(telemetry.enabled, () => import('../plugins/observe/telemetry.ts'), { telemetry })
  await app.register(requestLog, { server, logger: options.requestLogger })
  await when(options.ownsProcess === true, () => import('../plugins/observe/log-level.ts'), {
    requestLogger: options.requestLogger,
  })
  await when(server.browser_check, () => import('../plugins/admin/browser-check.ts'), { server, dashboard })
  await when(server.cors.enabled, () => import('../plugins/admin/cors.ts'), { server })
  await app.register(caller, { identify: options.identify })
  await registerCallers(app, config)
  await when(callersAreOn(callers), () => import('../plugins/callers/caller-keys.ts'), { callers, server })
  await when(server.overload.enabled, () => import('../plugins/runtime/overload.ts'), { server })
  await app.register(security, { server, store: stores?.limits })
  await app.register(internalAccess, { dashboard, server })

  // The endpoints and their state.
  await registerEndpoints(app, config, { profiles: options.profiles, source: options.configSource })
  if (app.gatewayPeers.isControl) {
    const { configVersions, configChanges, configReloads } = app
    options.onConfigControl?.(configControl({ configVersions, configChanges, configReloads }))
  }
  await when(kConnectionLimit in app.server, () => import('../plugins/http/connection-limit.ts'), {})

  // Routing: which endpoints may serve a request, and which of them does.
  const configDir = process.env.OLLA_CONFIG_DIR
  await app.register(modelDirectory, { model_registry, model_aliases, configDir })
  await app.register(modelRouting, { model_registry, model_fallbacks, model_filter, discovery })
  await when(clusterIsOn(cluster), () => import('../plugins/routing/place-limits.ts'), {})
  await app.register(endpointSelector, { proxy, selector: options.selector })
  await when(clusterIsOn(cluster), () => import('../plugins/cluster/cluster-state.ts'), {})
  await app.register(sessionAffinity, { proxy, store: stores?.sessions })
  await when(proxy.stream_upstream !== 'never', () => import('../plugins/dialects/upstream-streams.ts'), {
    proxy,
  })
  const { stored_responses: kept } = proxy.translation
  const storesResponses =
    proxy.translation.enabled && (kept.max_responses > 0 || stores?.responses !== undefined)
  await when(storesResponses, () => import('../plugins/dialects/response-store.ts'), {
    proxy,
    server,
    store: stores?.responses,
    conversations: stores?.conversations,
  })
  await when(proxy.translation.enabled, () => import('../plugins/dialects/translation.ts'), {
    proxy,
    model_registry,
  })

  // Proxying: forwarding a request to an endpoint, and its statistics.
  await app.register(gatewayStats)
  await when(proxy.usage !== 'off', () => import('../plugins/proxy/answer-usage.ts'), {})
  const hasLedger = ledgerIsOn(callers)
  await when(hasLedger, () => import('../plugins/callers/caller-usage.ts'), {})
  await when(callersAreOn(callers), () => import('../plugins/callers/caller-limits.ts'), {
    callers,
    translators,
  })
  await when(proxy.engine === 'olla', () => import('../plugins/proxy/engine-olla.ts'), { proxy })
  await when(proxy.engine === 'sherpa', () => import('../plugins/proxy/engine-sherpa.ts'), {})
  await app.register(hedging, { proxy })
  await app.register(proxyEngine, { proxy, model_registry })
  await app.register(modelUse, { models })
  await app.register(dispatch, { model_registry })

  // Routes and data for operators.
  await app.register(sampler)
  await app.register(liveRequests, { dashboard })
  await app.register(internalHealth)
  await app.register(internalStatus, { proxy, server, callersState: await stateOfCallers(app, config) })
  await app.register(internalStats)
  await app.register(internalProcess)
  await app.register(internalMetrics, { proxy, metrics: series })
  await app.register(internalExplain, { proxy })
  await app.register(internalEvents, {
    proxy,
    dashboard,
    features: {
      keys: callersAreOn(callers),
      usage: hasLedger,
      replicas: clusterIsOn(cluster),
      discovery: discovery.providers.length > 0,
    },
  })
  await app.register(internalRequests, { dashboard })
  await app.register(internalQueue, { dashboard })
  await app.register(internalConfig)
  await app.register(internalReload)
  await app.register(endpointAdmin)
  await app.register(endpointDrain)
  await app.register(modelOperationRoutes)
  await app.register(settingRoutes, { limitsAreShown: callersAreOn(callers) })
  await app.register(internalClients)
  await app.register(internalOpenApi)
  await when(callersAreOn(callers), () => import('../routes/callers/keys.ts'), {})
  await when(callersAreOn(callers), () => import('../routes/callers/groups.ts'), {})
  await when(callersAreOn(callers), () => import('../routes/callers/limits.ts'), {})
  await when(callersAreOn(callers), () => import('../routes/callers/webhooks.ts'), {})
  await when(hasLedger, () => import('../routes/callers/usage.ts'), {})
  await when(clusterIsOn(cluster), () => import('../routes/admin/cluster.ts'), {})
  await when(discovery.providers.length > 0, () => import('../routes/admin/discovery.ts'), {})
  await when(dashboard.enabled, () => import('../routes/admin/dashboard.ts'), {})
  await app.register(versionRoute)

  // Routes for clients: lists and dialects that the gateway answers or translates, then the requests that it forwards.
  await app.register(modelRoutes)
  await app.register(ollamaRoutes)
  const manages = proxy.management_endpoints.length > 0
  await when(manages, () => import('../routes/proxy/ollama-management.ts'), { proxy, server })
  const { anthropic } = translators
  await when(anthropic.enabled || storesResponses, () => import('../plugins/dialects/token-counter.ts'), {
    translators,
  })
  const isInspected = anthropic.enabled && anthropic.inspector.enabled
  await when(isInspected, () => import('../plugins/observe/inspector.ts'), { translators })
  await when(anthropic.enabled, () => import('../plugins/dialects/message-translator.ts'), {
    translators,
    model_registry,
  })
  await when(anthropic.enabled, () => import('../routes/dialects/anthropic.ts'), { translators, server })
  await app.register(proxyRoutes, { proxy, server, model_registry })
}

/** @returns undefined if clients need no keys */
async function stateOfCallers(app: FastifyInstance, { callers }: GatewayConfig) {
  if (!callersAreOn(callers)) return undefined
  const { callersState } = await import('./callers/admin/callers-state.ts')
  const parts = {
    hasStore: callers.store !== '',
    hasLedger: ledgerIsOn(callers),
  }
  return () => callersState(app.callers, parts)
}

type Loaded<Options extends FastifyPluginOptions> = Promise<{
  readonly default: FastifyPluginCallback<Options> | FastifyPluginAsync<Options>
}>

/** Registers plugins if a feature is on; modules of disabled features are not even loaded. */
function registerWhen(app: FastifyInstance) {
  return async function when<Options extends FastifyPluginOptions>(
    isOn: boolean,
    load: () => Loaded<Options>,
    options: Options,
  ): Promise<void> {
    if (!isOn) return
    const { default: plugin } = await load()
    await app.register<Options>(plugin, options)
  }
}
