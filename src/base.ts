import type { FastifyInstance } from 'fastify'
import configReload from '../plugins/admin/config-reload.ts'
import endpointAdmin from '../plugins/admin/endpoint-admin.ts'
import operatorState from '../plugins/admin/operator-state.ts'
import settingAdmin from '../plugins/admin/setting-admin.ts'
import backendProfiles from '../plugins/endpoints/backend-profiles.ts'
import circuitBreaker from '../plugins/endpoints/circuit-breaker.ts'
import discoveryMirror from '../plugins/endpoints/discovery-mirror.ts'
import endpointRegistry from '../plugins/endpoints/endpoint-registry.ts'
import endpointWake from '../plugins/endpoints/endpoint-wake.ts'
import engineSignals from '../plugins/endpoints/engine-signals.ts'
import healthChecker from '../plugins/endpoints/health-checker.ts'
import healthMirror from '../plugins/endpoints/health-mirror.ts'
import modelDiscovery from '../plugins/endpoints/model-discovery.ts'
import modelResidency from '../plugins/endpoints/model-residency.ts'
import upstreamPools from '../plugins/endpoints/upstream-pools.ts'
import endpointChanges from '../plugins/routing/endpoint-changes.ts'
import modelOperations from '../plugins/routing/model-operations.ts'
import configVersions from '../plugins/runtime/config-versions.ts'
import events from '../plugins/runtime/events.ts'
import peers from '../plugins/runtime/peers.ts'
import state from '../plugins/runtime/state.ts'
import type { SummedLimits } from './cluster/contract/limit-sums.ts'
import { withWriteTimeout } from './config/checks/write-timeout.ts'
import { callersAreOn, clusterIsOn, ledgerIsOn, signalsIntervalMs } from './config/options/derived.ts'
import { issuersOf } from './config/options/issuers.ts'
import type { GatewayConfig } from './config/schema/schema.ts'
import { usageSections } from './dialects/all.ts'
import type { ProfileDocument } from './endpoints/profiles/profile-store.ts'
import { clearStatsRow } from './observe/stats/clear-row.ts'
import { statsCells } from './observe/stats/stats-cells.ts'
import { loadCells } from './routing/selection/load-cells.ts'
import type { SharedBlocks } from './runtime/cells/shared-blocks.ts'
import type { ConfigSource } from './runtime/configuration/reloads.ts'
import type { ConfigVersion } from './runtime/configuration/versions.ts'
import type { GatewayEvent } from './runtime/events/events.ts'
import type { PeerLink } from './runtime/links/peer-link.ts'

/** Set on each thread of a gateway with several serving threads. */
export interface ThreadOfSeveral {
  readonly link: PeerLink
  /** Memory of the shared cells. */
  readonly blocks: SharedBlocks
  /** The version in force when the thread starts. */
  readonly version?: ConfigVersion
  /** Rows for endpoints in the shared cells. */
  readonly endpointCapacity?: number
}

/** Registers the plugins that all others need; the same on every thread. */
export async function registerBase(
  app: FastifyInstance,
  given: GatewayConfig,
  options: {
    readonly thread: ThreadOfSeveral | undefined
    readonly onEvent?: ((event: GatewayEvent) => void) | undefined
  },
): Promise<void> {
  const config = withWriteTimeout(given)
  const { discovery, metrics } = config
  const { endpoints } = discovery.static
  const version = options.thread?.version ?? { version: 1, config, endpointRows: [...endpoints.keys()] }
  await app.register(peers, { link: options.thread?.link })
  await app.register(configVersions, { version })
  await app.register(events, { onEvent: options.onEvent })
  await app.register(state, {
    endpointCapacity: options.thread?.endpointCapacity ?? endpoints.length + discovery.spare_endpoints,
    modelCapacity: metrics.tracked_models + 1,
    blocks: options.thread?.blocks,
  })
}

/** Makes the gateway a replica of several, if it is configured; the control thread is connected. */
export async function registerCluster(
  app: FastifyInstance,
  { cluster, proxy }: GatewayConfig,
): Promise<void> {
  if (!clusterIsOn(cluster) || !app.gatewayPeers.isControl) return
  const { default: plugin } = await import('../plugins/cluster/cluster.ts')
  const { totals } = app.gatewayState.of(statsCells)
  const ended = totals.column('requests')
  await app.register(plugin, { cluster, requests: () => totals.sum(0, ended) })
  const { default: limits } = await import('../plugins/cluster/cluster-limits.ts')
  await app.register(limits, { cluster })
  const { default: documents } = await import('../plugins/cluster/cluster-documents.ts')
  const { max_responses, max_size, idle_ttl } = proxy.translation.stored_responses
  await app.register(documents, {
    cluster,
    limits: { maxDocuments: Math.max(1, max_responses), maxBytes: max_size, ttlMs: idle_ttl },
  })
}

/**
 * Registers what identifies callers, if clients must be identified. With several threads, the control thread has their
 * store and the keys of tokens, and the others mirror them.
 */
export async function registerCallers(app: FastifyInstance, { callers }: GatewayConfig): Promise<void> {
  if (!callersAreOn(callers)) return
  const { default: plugin } = app.gatewayPeers.isControl
    ? await import('../plugins/callers/caller-store.ts')
    : await import('../plugins/callers/caller-mirror.ts')
  await app.register(plugin, { callers })
  if (issuersOf(callers.jwt).length > 0) {
    const { default: tokens } = await import('../plugins/callers/caller-tokens.ts')
    await app.register(tokens, { callers })
  }
  if (!app.gatewayPeers.isControl) return
  const { default: amounts } = await import('../plugins/callers/caller-amounts.ts')
  await app.register(amounts, { callers, shared: await sharedLimits(app) })
  const { default: webhooks } = await import('../plugins/callers/caller-webhooks.ts')
  await app.register(webhooks, { callers })
  if (!ledgerIsOn(callers)) return
  const { default: ledger } = await import('../plugins/callers/caller-ledger.ts')
  await app.register(ledger, { callers })
}

/** What replicas use of limits, if the gateway is one of several. */
async function sharedLimits(app: FastifyInstance) {
  if (!app.hasDecorator('cluster')) return undefined
  const { readLimitSums } = await import('./cluster/limits/limit-sums.ts')
  return (asked: SummedLimits) => readLimitSums(app.cluster, asked)
}

export interface EndpointOptions {
  /** Profiles of the host. */
  readonly profiles?: readonly ProfileDocument[] | undefined
  /** Where the configuration can be loaded again. */
  readonly source?: ConfigSource | undefined
}

/**
 * Registers the endpoints and their state. With several threads, the control thread probes and discovers, and the
 * others mirror the results.
 */
export async function registerEndpoints(
  app: FastifyInstance,
  config: GatewayConfig,
  { profiles: inline, source }: EndpointOptions = {},
): Promise<void> {
  const { server, proxy, discovery, model_registry, model_filter, models, profiles, cluster } =
    withWriteTimeout(config)
  await app.register(backendProfiles, { profiles, proxy, usageSections, inline })
  await app.register(endpointRegistry, { discovery, proxy })
  await app.register(upstreamPools, { proxy })
  await app.register(circuitBreaker)
  if (clusterIsOn(cluster) && app.gatewayPeers.isControl) {
    const { default: placeLeases } = await import('../plugins/routing/place-leases.ts')
    await app.register(placeLeases, { cluster })
    const { default: sharedSessions } = await import('../plugins/routing/shared-sessions.ts')
    await app.register(sharedSessions, { proxy })
    const { default: sharedResponses } = await import('../plugins/routing/shared-responses.ts')
    await app.register(sharedResponses)
  }
  const { gatewayState } = app
  const { inFlight } = gatewayState.of(loadCells)
  await app.register(engineSignals, {
    intervalMs: signalsIntervalMs(config),
    // Requests of other replicas are no others'.
    inFlight: (slot) => inFlight.value(slot) + (app.placeLimits?.others(slot) ?? 0),
  })
  if (!app.gatewayPeers.isControl) {
    await app.register(healthMirror)
    await app.register(discoveryMirror, { discovery })
    return
  }
  await app.register(healthChecker, { discovery })
  await app.register(endpointWake)
  await app.register(modelDiscovery, { discovery, model_registry, model_filter })
  await app.register(modelResidency, { discovery })
  await app.register(endpointChanges, { clearRow: (row) => clearStatsRow(gatewayState, row) })
  await app.register(modelOperations, { models })
  if (clusterIsOn(cluster)) {
    const { default: sharedEndpoints } = await import('../plugins/endpoints/shared-endpoints.ts')
    await app.register(sharedEndpoints, { cluster })
  }
  if (discovery.providers.length > 0) {
    const { default: endpointProviders } = await import('../plugins/endpoints/endpoint-providers.ts')
    await app.register(endpointProviders)
  }
  await app.register(operatorState, { server })
  await app.register(endpointAdmin)
  await app.register(settingAdmin)
  if (source !== undefined) await app.register(configReload, { source })
}
