/**
 * `/internal/status`, `/internal/status/endpoints` and `/internal/status/models`: the current state of the gateway, its
 * endpoints and their models, with entity tags and compression for polling clients. Uses if present: `engineSignals`,
 * `hedging`.
 */

import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { version as packageVersion } from '../../src/kernel/package.ts'
import type { CallersSource } from '../../src/observe/views/callers.ts'
import { EndpointsSchema, endpointsView } from '../../src/observe/views/endpoints.ts'
import { type EndpointModelsSource, ModelsSchema, modelsView } from '../../src/observe/views/models.ts'
import { StatusSchema, statusView } from '../../src/observe/views/status.ts'
import { overloadCells, readOverload } from '../../src/runtime/overload/overload-cells.ts'
import { runCells } from '../../src/runtime/process/process-cells.ts'
import { ignoreBodies } from './any-method.ts'
import { compress } from './compression.ts'
import { endpointSourceDependencies, endpointSources } from './endpoint-sources.ts'
import { sendTagged } from './etag.ts'

/** Reads which engine and which streaming profile are configured, and whether overload is watched. */
export interface InternalStatusOptions extends Sections<'proxy' | 'server'> {
  /** Version of the gateway. Defaults to the package's. */
  readonly version?: string
  /** Commit that it was built from. Default `none`. */
  readonly commit?: string | undefined
  readonly clock?: Clock
  /** How the parts of callers are. Default: clients need no keys. */
  readonly callersState?: (() => Promise<CallersSource>) | undefined
}

export default fp<InternalStatusOptions>(
  async function internalStatus(app, options) {
    const { proxy, server } = readSections(
      options,
      ['proxy', 'server'],
      ['version', 'commit', 'clock', 'callersState'],
    )
    const clock = options.clock ?? systemClock
    const startedAtMs = app.gatewayState.of(runCells).mark.begin(clock.nowMs())
    const { version = packageVersion, commit = 'none' } = options
    const { engine, profile } = proxy
    const overload = server.overload.enabled ? app.gatewayState.of(overloadCells) : undefined
    const hedging = app.hasDecorator('hedging') ? app.hedging : undefined
    const method = app.supportedMethods
    ignoreBodies(app)

    app.route({
      method,
      url: '/internal/status',
      config: { internalAccess: 'olla' },
      exposeHeadRoute: false,
      schema: { response: { 200: StatusSchema } },
      onSend: compress,
      handler: async (request, reply) => {
        const callerParts = await options.callersState?.()
        const { gatewaySecurity } = app
        const view = statusView({
          nowMs: clock.nowMs(),
          startedAtMs,
          version,
          commit,
          configVersion: app.configVersions.current.version,
          proxy: { engine, profile, balancer: app.endpointSelector.strategy },
          endpoints: endpointSources(app),
          totals: app.gatewayStats.totals(),
          security: {
            status: gatewaySecurity.status,
            blockedIps: gatewaySecurity.limitedClients,
            rateLimits: gatewaySecurity.rateLimits,
            sizeLimits: gatewaySecurity.sizeLimits,
          },
          overload: overload && readOverload(overload),
          hedges: hedging?.current && hedging.totals,
          callerParts,
        })
        return sendTagged(request, reply, view)
      },
    })
    app.route({
      method,
      url: '/internal/status/endpoints',
      config: { internalAccess: 'olla' },
      exposeHeadRoute: false,
      schema: { response: { 200: EndpointsSchema } },
      onSend: compress,
      handler: (request, reply) =>
        sendTagged(request, reply, endpointsView(endpointSources(app), clock.nowMs())),
    })
    app.route<{ Querystring: { detailed?: string; group?: string } }>({
      method,
      url: '/internal/status/models',
      config: { internalAccess: 'olla' },
      exposeHeadRoute: false,
      schema: { response: { 200: ModelsSchema } },
      onSend: compress,
      handler: (request, reply) => {
        const { detailed, group } = request.query
        return sendTagged(
          request,
          reply,
          modelsView(models(), detailed === 'true' && group === 'family', clock.nowMs()),
        )
      },
    })

    function models(): EndpointModelsSource[] {
      const known = app.modelCatalog.snapshot.byEndpoint
      const sources: EndpointModelsSource[] = []
      for (const { slot, id, name, profile } of app.endpointRegistry.snapshot.endpoints) {
        const found = known.get(slot)
        if (found === undefined) continue
        const alwaysLoaded = profile?.alwaysLoaded ?? false
        sources.push({ id, name, models: found.models, alwaysLoaded, seenMs: found.seenMs })
      }
      return sources
    }
  },
  {
    name: 'gateway-routes-internal-status',
    fastify: '5.x',
    encapsulate: true,
    dependencies: [
      ...endpointSourceDependencies,
      'gateway-internal-access',
      'gateway-endpoint-selector',
      'gateway-security',
      'gateway-config-versions',
    ],
  },
)
