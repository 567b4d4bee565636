/**
 * Routes requests that have been read, and sends or refuses them. Decorates `dispatch`; depends on the plugins that
 * choose the endpoint, on the statistics, which count refusals, and on the engine. Uses if present: `configVersions`,
 * `translation`, `callerMeter`, `upstreamStreams`, `internalAccess`. Needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { WakeRequests } from '../../src/endpoints/wake/wake-requests.ts'
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
import { WakeLookup } from '../../src/routing/models/wake-lookup.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'

/** Reads the time limit of the model list refresh for an unknown model. */
export interface DispatchOptions extends Sections<'model_registry'> {
  /** For `Via`. Defaults to the package's version. */
  readonly version?: string
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    /** @throws GatewayError if no endpoint may serve the request */
    dispatch(read: ReadRequest, request: DispatchedRequest, reply: ClientReply): void
  }
}

export default fp<DispatchOptions>(
  async function dispatchPlugin(app, options) {
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    const { modelRegistry } = readSections(options, ['model_registry'], ['version', 'clock'])
    const clock = options.clock ?? systemClock
    const wakes = new WakeRequests(clock, app.gatewayPeers)
    const wakeLookup = new WakeLookup({
      clock,
      registry: app.endpointRegistry,
      catalog: app.modelCatalog,
      wake: (slot) => wakes.wake(slot),
    })
    app.gatewayLifecycle.onClosing(() => wakeLookup.stop())
    let services: DispatchServices = {
      clock,
      options: {
        version: options.version ?? packageVersion,
        viaEntry: app.viaEntry,
        refreshTimeoutMs: modelRegistry.routingStrategy.options.discoveryTimeoutMs,
        answersCors: answersCors((name) => app.hasPlugin(name)),
        rewriteResponseModel: modelRegistry.rewriteResponseModel,
      },
      addresses: app.clientAddresses,
      router: app.modelRouter,
      modelLookup: app.modelLookup,
      wakeLookup,
      paths: app.pathKnowledge,
      registry: app.endpointRegistry,
      discovery: app.modelDiscovery,
      load: app.endpointLoad,
      hooks: app.requestHooks,
      stats: app.gatewayStats,
      sessions: app.sessionAffinity,
      stored: app.storedResponses,
      translation: app.hasDecorator('translation') ? app.translation : undefined,
      streams: app.hasDecorator('upstreamStreams') ? app.upstreamStreams : undefined,
      engine: app.proxyEngine,
      meter: app.callerMeter,
      explains: app.hasDecorator('internalAccess') ? explains : undefined,
    }
    /** An estimate reveals which prompts others have sent: only for those who may see the dashboard. */
    function explains({ headers, socket, gateway }: DispatchedRequest): boolean {
      if (app.latencyEstimator.current === undefined || headers['x-olla-explain'] !== '1') return false
      const access = {
        peer: socket.remoteAddress ?? '',
        client: gateway.clientAddress,
        host: headers.host,
        // The key of a caller is no admin token.
        authorization: undefined,
        cookie: undefined,
      }
      return app.internalAccess.rules.decide(access, clock.nowMs(), clock.monotonicMs()).allowed
    }
    app.decorate('dispatch', (read, request, reply) => dispatch(services, read, request, reply))
    followSections(versions, ['model_registry'], (next) => () => {
      const refreshTimeoutMs = next.modelRegistry.routingStrategy.options.discoveryTimeoutMs
      services = { ...services, options: { ...services.options, refreshTimeoutMs } }
    })
  },
  {
    name: 'gateway-dispatch',
    fastify: '5.x',
    dependencies: [
      'gateway-lifecycle',
      'gateway-peers',
      'gateway-upstream-pools',
      'gateway-request-context',
      'gateway-model-routing',
      'gateway-endpoint-registry',
      'gateway-model-discovery',
      'gateway-endpoint-selector',
      'gateway-request-hooks',
      'gateway-stats',
      'gateway-session-affinity',
      'gateway-proxy-engine',
    ],
  },
)
