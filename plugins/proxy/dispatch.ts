/**
 * Routes requests that have been read, and sends or refuses them. Decorates `dispatch`; depends on everything that
 * decides where a request goes, on the statistics, which count refusals, and on the engine. Holds nothing to close.
 */
import fp from 'fastify-plugin'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import type { ClientReply } from '../../src/proxy/contract/client-reply.ts'
import {
  type DispatchedRequest,
  type DispatchServices,
  dispatch,
  type ReadRequest,
} from '../../src/proxy/dispatch.ts'

export interface DispatchOptions {
  /** Version of the gateway, for `Via`. */
  readonly version: string
  /** Longest time that endpoints are asked again for an unknown model; milliseconds. Default 2,000. */
  readonly refreshTimeoutMs?: number
  /** Whether the gateway itself decides which origins may ask. Default false. */
  readonly answersCors?: boolean
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    /** @throws GatewayError where no endpoint may serve the request */
    dispatch(read: ReadRequest, request: DispatchedRequest, reply: ClientReply): void
  }
}

export default fp<DispatchOptions>(
  function dispatchPlugin(app, options, done) {
    const services: DispatchServices = {
      clock: options.clock ?? systemClock,
      options: {
        version: options.version,
        viaEntry: app.viaEntry,
        refreshTimeoutMs: options.refreshTimeoutMs ?? 2_000,
        answersCors: options.answersCors ?? false,
      },
      addresses: app.clientAddresses,
      router: app.modelRouter,
      modelLook: app.modelLook,
      paths: app.pathKnowledge,
      registry: app.endpointRegistry,
      discovery: app.modelDiscovery,
      load: app.endpointLoad,
      hooks: app.requestHooks,
      stats: app.gatewayStats,
      sessions: app.sessionAffinity,
      stored: app.storedResponses,
      engine: app.proxyEngine,
    }
    app.decorate('dispatch', (read, request, reply) => dispatch(services, read, request, reply))
    done()
  },
  {
    name: 'gateway-dispatch',
    fastify: '5.x',
    dependencies: [
      'gateway-upstream-pools',
      'gateway-request-context',
      'gateway-model-routing',
      'gateway-endpoint-registry',
      'gateway-model-discovery',
      'gateway-endpoint-selector',
      'gateway-request-hooks',
      'gateway-stats',
      'gateway-session-affinity',
      'gateway-stored-responses',
      'gateway-proxy-engine',
    ],
  },
)
