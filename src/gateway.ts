import type { FastifyInstance } from 'fastify'
import backendProfiles from '../plugins/backend-profiles.ts'
import circuitBreaker from '../plugins/circuit-breaker.ts'
import cors from '../plugins/cors.ts'
import endpointRegistry from '../plugins/endpoint-registry.ts'
import endpointSelector from '../plugins/endpoint-selector.ts'
import engineOlla from '../plugins/engine-olla.ts'
import engineSherpa from '../plugins/engine-sherpa.ts'
import events from '../plugins/events.ts'
import gatewayStats from '../plugins/gateway-stats.ts'
import healthChecker from '../plugins/health-checker.ts'
import lifecycle from '../plugins/lifecycle.ts'
import modelDiscovery from '../plugins/model-discovery.ts'
import modelRouting from '../plugins/model-routing.ts'
import proxyEngine from '../plugins/proxy-engine.ts'
import requestContext from '../plugins/request-context.ts'
import requestLog from '../plugins/request-log.ts'
import security from '../plugins/security.ts'
import state from '../plugins/state.ts'
import upstreamPools from '../plugins/upstream-pools.ts'
import proxyRoutes from '../routes/proxy.ts'
import type { GatewayConfig } from './config/schema.ts'
import type { DrainResult } from './lifecycle/drain.ts'
import { profilesFolder, version } from './package.ts'

export interface GatewayOptions {
  /** As the loader or `parseConfig` gives it. */
  readonly config: GatewayConfig
  /** Called once when a close has let requests finish or has cut them. */
  readonly onDrained?: (result: DrainResult) => void
}

/**
 * The gateway as one Fastify plugin: all of it lives in its own scope, so nothing leaks into the host, and
 * `prefix` moves every route. The order below is the start order; closing runs in reverse.
 */
export default async function gateway(
  app: FastifyInstance,
  { config, onDrained }: GatewayOptions,
): Promise<void> {
  const { server, proxy, discovery, model_registry } = config
  const { rate_limits, request_limits } = server
}
