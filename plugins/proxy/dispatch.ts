/**
 * Routes requests that have been read, and sends or refuses them. Decorates `dispatch`; depends on everything that
 * decides where a request goes, on the statistics, which count refusals, and on the engine. Holds nothing to close.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { version as packageVersion } from '../../src/kernel/package.ts'
import type { ClientReply } from '../../src/proxy/contract/client-reply.ts'
import {
  type DispatchedRequest,
  type DispatchServices,
  dispatch,
  type ReadRequest,
} from '../../src/proxy/dispatch.ts'
import { answersCors } from '../../src/proxy/request/answers-cors.ts'

/** Reads how long endpoints are asked again for an unknown model. */
export interface DispatchOptions extends Sections<'model_registry'> {
  /** For `Via`. Default the package's. */
  readonly version?: string
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    /** @throws GatewayError where no endpoint may serve the request */
    dispatch(read: ReadRequest, request: DispatchedRequest, reply: ClientReply): void
  }
}

export default fp<DispatchOptions>(
  async function dispatchPlugin(app, options) {
    const { modelRegistry } = readSections(options, ['model_registry'], ['version', 'clock'])
    const services: DispatchServices = {
      clock: options.clock ?? systemClock,
      options: {
        version: options.version ?? packageVersion,
        viaEntry: app.viaEntry,
        refreshTimeoutMs: modelRegistry.routingStrategy.options.discoveryTimeoutMs,
        answersCors: answersCors((name) => app.hasPlugin(name)),
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
