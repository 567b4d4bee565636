import type { FastifyInstance, FastifyRequest } from 'fastify'
import browserCheck from '../plugins/admin/browser-check.ts'
import internalAccess from '../plugins/admin/internal-access.ts'
import security from '../plugins/admin/security.ts'
import messageTranslator from '../plugins/dialects/message-translator.ts'
import bufferBudget from '../plugins/http/buffer-budget.ts'
import caller from '../plugins/http/caller.ts'
import ownSchemas from '../plugins/http/own-schemas.ts'
import eventLines from '../plugins/observe/event-lines.ts'
import gatewayStats from '../plugins/observe/gateway-stats.ts'
import liveRequests from '../plugins/observe/live-requests.ts'
import metrics from '../plugins/observe/metrics.ts'
import processReadings from '../plugins/observe/process-readings.ts'
import requestLog from '../plugins/observe/request-log.ts'
import sampler from '../plugins/observe/sampler.ts'
import telemetry from '../plugins/observe/telemetry.ts'
import answerUsage from '../plugins/proxy/answer-usage.ts'
import dispatch from '../plugins/proxy/dispatch.ts'
import engineOlla from '../plugins/proxy/engine-olla.ts'
import proxyEngine from '../plugins/proxy/proxy-engine.ts'
import requestContext from '../plugins/proxy/request-context.ts'
import requestHooks from '../plugins/proxy/request-hooks.ts'
import sessionAffinity from '../plugins/proxy/session-affinity.ts'
import storedResponses from '../plugins/proxy/stored-responses.ts'
import endpointSelector from '../plugins/routing/endpoint-selector.ts'
import modelDirectory from '../plugins/routing/model-directory.ts'
import modelRouting from '../plugins/routing/model-routing.ts'
import eventLog from '../plugins/runtime/event-log.ts'
import lifecycle from '../plugins/runtime/lifecycle.ts'
import internalClients from '../routes/admin/clients.ts'
import internalConfig from '../routes/admin/config.ts'
import internalEvents from '../routes/admin/events.ts'
import internalExplain from '../routes/admin/explain.ts'
import internalHealth from '../routes/admin/health.ts'
import internalMetrics from '../routes/admin/metrics.ts'
import internalOpenApi from '../routes/admin/openapi.ts'
import internalProcess from '../routes/admin/process.ts'
import internalRequests from '../routes/admin/requests.ts'
import internalStats from '../routes/admin/stats.ts'
import internalStatus from '../routes/admin/status.ts'
import versionRoute from '../routes/admin/version.ts'
import anthropicRoutes from '../routes/dialects/anthropic.ts'
import modelRoutes from '../routes/dialects/models.ts'
import ollamaRoutes from '../routes/dialects/ollama.ts'
import proxyRoutes from '../routes/proxy/proxy.ts'
import type { LimitStore } from './admin/security/limit-store.ts'
import { registerBase, registerEndpoints, type ThreadOfSeveral } from './base.ts'
import { bodyLimitOf } from './config/file/body-limit.ts'
import type { GatewayConfig } from './config/schema/schema.ts'
import { wholeRefusal } from './dialects/requests/parser-refusal.ts'
import type { ProfileDocument } from './endpoints/profiles/profile-store.ts'
import { type CapableServer, kConnectionLimit } from './http/contract/capabilities.ts'
import { bufferedLimit, patienceFor } from './kernel/memory/memory-limit.ts'
import { dashboardFolder, familiesFile, openApiFile, version } from './kernel/package.ts'
import type { RequestLogger } from './observe/logging/line-logger.ts'
import { engineOptions, proxyEngineOptions } from './plugin-options.ts'
import type { RequestHooks } from './proxy/request/hooks.ts'
import type { SessionStore } from './routing/affinity/session-store.ts'
import type { EndpointLoad, EndpointSelector } from './routing/selection/selector.ts'
import type { GatewayEvent } from './runtime/events/events.ts'
import type { DrainResult } from './runtime/lifecycle/drain.ts'
import { processCells, runCells } from './runtime/process/process-cells.ts'

export interface GatewayOptions {
  /** As `loadConfig` or `parseConfig` gives it. */
  readonly config: GatewayConfig
  /** Where the lines of requests go; the app's own logger by default. */
  readonly requestLogger?: RequestLogger | undefined
  /** Begins the drain when it is aborted, ahead of the app's close; without it the close does. */
  readonly drainSignal?: AbortSignal | undefined
  /** Called once when a drain has let requests finish or has cut them. */
  readonly onDrained?: (result: DrainResult) => void
  /** Names the caller of a request: limits, logs and statistics go by it. What it throws is a 401. */
  readonly identify?: (request: FastifyRequest) => string | undefined | Promise<string | undefined>
  /** Functions that run around each request and its attempts. */
  readonly hooks?: RequestHooks
  /** Told of every event, after the turn in which it happened. */
  readonly onEvent?: (event: GatewayEvent) => void
  /** Makes the selector that chooses among suitable endpoints, in place of `proxy.load_balancer`. */
  readonly selector?: (load: EndpointLoad) => EndpointSelector
  /** Backend profiles of your own; they add to the built-in ones or replace them by name. */
  readonly profiles?: readonly ProfileDocument[]
  readonly stores?: {
    /** Where rate limits are counted; this process by default. */
    readonly limits?: LimitStore
    /** Where sessions are kept; this process by default. */
    readonly sessions?: SessionStore
  }
  /** Set where this is one of the serving threads of the gateway's own process; alone by default. */
  readonly thread?: ThreadOfSeveral | undefined
  /** Whether garbage may be collected after the start: nothing else works here. Default false. */
  readonly ownsProcess?: boolean
  /** Called once with a function that counts log lines which could not be written. */
  readonly onLostLines?: ((count: (lines: number) => void) => void) | undefined
}

/**
 * The gateway as one Fastify plugin: all of it lives in its own scope, so nothing leaks into the host, and
 * `prefix` moves every route.
 */
export default function gateway(
  app: FastifyInstance,
  options: GatewayOptions,
  done: (error?: Error) => void,
): void {
  compose(app, options).then(() => done(), done)
}

/** The order below is the start order; closing runs in reverse. */
async function compose(
  app: FastifyInstance,
  {
    config,
    requestLogger,
    drainSignal,
    onDrained,
    identify,
    hooks,
    onEvent,
    selector,
    profiles,
    stores,
    thread,
    ownsProcess = false,
    onLostLines,
  }: GatewayOptions,
): Promise<void> {
  const { server, proxy, model_registry: registry, dashboard: page } = config
  const bodyLimit = bodyLimitOf(server.request_limits.max_body_size)
  const answersCors = server.cors.enabled || server.browser_check

  // What everything stands on.
  await app.register(ownSchemas)
  await registerBase(app, config, { thread, onEvent })
  await app.register(metrics)
  await app.register(processReadings)
  await app.register(lifecycle, {
    refusal: wholeRefusal,
    shutdownTimeoutMs: server.shutdown_timeout,
    shutdownDelayMs: server.shutdown_delay,
    // Of several threads, control tells for all.
    announces: thread === undefined,
    signal: drainSignal,
    onDrained,
  })
  const { counts } = app.gatewayState.of(processCells)
  onLostLines?.((lines) => counts.add(0, counts.column('lostLogLines'), lines))
  if (ownsProcess) {
    const { default: idleCollection } = await import('../plugins/runtime/idle-collection.ts')
    await app.register(idleCollection, { ended: () => app.gatewayStats.totals().requests })
  }
  if (thread === undefined) await app.register(eventLines)
  await app.register(eventLog, { maxSubscribers: config.dashboard.event_subscribers })

  await app.register(bufferBudget, {
    limitBytes: bufferedLimit(server.request_limits.max_buffered_bytes),
    patienceMs: patienceFor(server.read_timeout),
  })

  // What every request passes: first the context, so that whatever is refused later has an ID and a line.
  await app.register(requestContext, { server, pseudonym: app.gatewayState.of(runCells).pseudonym })
  await app.register(requestHooks, { hooks })
  const { enabled: isTraced, ...signals } = config.telemetry
  if (isTraced) await app.register(telemetry, { version, ...signals })
  await app.register(requestLog, { enabled: server.request_logging, logger: requestLogger })
  if (server.browser_check) {
    await app.register(browserCheck, { server, dashboard: page })
  }
  if (server.cors.enabled) {
    const { default: cors } = await import('../plugins/admin/cors.ts')
    await app.register(cors, { server })
  }
  await app.register(caller, { identify })
  await app.register(security, { server, store: stores?.limits })
  await app.register(internalAccess, { dashboard: page, server })

  // The endpoints and what is known of them.
  await registerEndpoints(app, config, profiles)
  await app.register(modelDirectory, {
    families: familiesFile,
    configDir: process.env.OLLA_CONFIG_DIR,
    aliases: config.model_aliases,
    unify: registry.enable_unifier,
  })

  const { [kConnectionLimit]: limit }: CapableServer = app.server
  if (limit !== undefined) {
    const { default: limited } = await import('../plugins/http/connection-limit.ts')
    await app.register(limited, { limit })
  }

  // The way of a request to one of them.
  await app.register(modelRouting, {
    strategy: registry.routing_strategy.type,
    fallback: registry.routing_strategy.options.fallback_behavior,
    refreshOnMiss: registry.routing_strategy.options.discovery_refresh_on_miss,
    fallbackModels: config.model_fallbacks,
    filter: config.model_filter,
    discovers: config.discovery.model_discovery.enabled,
  })
  await app.register(endpointSelector, {
    strategy: proxy.load_balancer,
    priorityTiers: proxy.priority_tiers,
    selector,
  })
  const priorityTiers = proxy.priority_tiers || proxy.load_balancer === 'priority'
  const { sticky_sessions: sticky } = proxy
  await app.register(sessionAffinity, {
    enabled: sticky.enabled,
    store: stores?.sessions,
    sources: sticky.key_sources,
    idleTtlMs: sticky.idle_ttl_seconds * 1000,
    maxSessions: sticky.max_sessions,
    blockBytes: sticky.prefix_hash_bytes,
    loadBound: sticky.load_bound,
    priorityTiers,
  })
  await app.register(storedResponses)
  await app.register(gatewayStats)
  if (proxy.usage !== 'off') await app.register(answerUsage)
  if (proxy.engine === 'sherpa')
    await app.register((await import('../plugins/proxy/engine-sherpa.ts')).default)
  else await app.register(engineOlla, engineOptions(proxy))
  await app.register(proxyEngine, {
    ...proxyEngineOptions(proxy, server.write_timeout),
    renameAnswers: registry.rewrite_response_model,
    answersCors,
  })

  await app.register(dispatch, {
    version,
    refreshTimeoutMs: registry.routing_strategy.options.discovery_timeout,
    answersCors,
  })

  await app.register(sampler)
  await app.register(liveRequests, { recentCapacity: page.recent_requests })

  await app.register(internalHealth)
  await app.register(internalStatus, {
    version,
    engine: proxy.engine,
    profile: proxy.profile,
    balancer: app.endpointSelector.strategy,
  })
  await app.register(internalStats)
  await app.register(internalProcess)
  await app.register(internalMetrics, {
    version,
    engine: proxy.engine,
    profile: proxy.profile,
    balancer: proxy.load_balancer,
    exposedModels: config.metrics.exposed_models,
    ollaNames: config.metrics.olla_names,
  })
  await app.register(internalExplain, {
    priorityTiers,
    warmMargin: proxy.warm_margin,
  })
  await app.register(internalEvents, {
    version,
    engine: proxy.engine,
    balancer: proxy.load_balancer,
    profile: proxy.profile,
    features: {
      cancel: page.allow_cancel,
      playground: page.playground,
      recentRequests: page.recent_requests,
    },
  })
  await app.register(internalRequests, { allowCancel: page.allow_cancel })
  await app.register(internalConfig, { config })
  await app.register(internalClients)
  await app.register(internalOpenApi, { file: openApiFile })
  if (page.enabled)
    await app.register((await import('../routes/admin/dashboard.ts')).default, { folder: dashboardFolder })
  await app.register(versionRoute, { version })
  await app.register(modelRoutes)
  await app.register(ollamaRoutes)
  const { anthropic } = config.translators
  if (anthropic.enabled) {
    const { enabled, output_dir, session_header, max_file_size, max_days } = anthropic.inspector
    if (enabled) {
      const { default: inspector } = await import('../plugins/observe/inspector.ts')
      await app.register(inspector, {
        folder: output_dir,
        sessionHeader: session_header.toLowerCase(),
        maxFileBytes: max_file_size,
        maxDays: max_days,
      })
    }
    await app.register(messageTranslator, {
      version,
      passthrough: anthropic.passthrough_enabled,
      renameAnswers: registry.rewrite_response_model,
      fitsMaxTokens: anthropic.fit_max_tokens,
      tokenizer: anthropic.tokenizer,
    })
    await app.register(anthropicRoutes, {
      maxMessageBytes: anthropic.max_message_size || bodyLimit,
      pingIntervalMs: anthropic.ping_interval,
    })
  }
  await app.register(proxyRoutes, {
    allowsManagement: proxy.management,
    bodyLimitBytes: bodyLimit,
    asksUsage: proxy.usage === 'ask',
    renameAnswers: registry.rewrite_response_model,
  })
}
