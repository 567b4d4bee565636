/**
 * Operations on the models of endpoints, for all threads of the gateway: load, unload, pull and others that engines have,
 * and the rules of `models`. Decorates nothing; answers orders of routes and rules over the link to the other threads.
 * Depends on what knows endpoints and takes them out of service. Uses if present: `engineSignals`, `cluster`. Runs where
 * endpoints are probed. The rules are checked from when the app is ready; operations under way end on close.
 */
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { SettledLeadership } from '../../src/cluster/membership/settled-leadership.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { parseLoadedModels } from '../../src/endpoints/discovery/list-parsers.ts'
import type { OperationKind } from '../../src/endpoints/operations/contract/operation.ts'
import {
  awaitTopic,
  cancelTopic,
  inFlightTopic,
  modelUsesTopic,
  operationsTopic,
  startTopic,
} from '../../src/endpoints/operations/contract/topics.ts'
import { EndpointCalls } from '../../src/endpoints/operations/endpoint-calls.ts'
import { ModelHolds } from '../../src/endpoints/operations/model-holds.ts'
import { Operations } from '../../src/endpoints/operations/operations.ts'
import { ModelRules } from '../../src/endpoints/operations/rules/model-rules.ts'
import type { Endpoint } from '../../src/endpoints/registry/endpoint.ts'
import { circuitCells } from '../../src/endpoints/resilience/circuit-cells.ts'
import { BoundedQueue } from '../../src/kernel/bounded-queue.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { isRoutable } from '../../src/kernel/endpoint-status.ts'
import { version as packageVersion } from '../../src/kernel/package.ts'
import { loadCells } from '../../src/routing/selection/load-cells.ts'
import { placeCells } from '../../src/routing/selection/place-limits.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'

export interface ModelOperationsOptions extends Sections<'models'> {
  /** 0 to 1; the random part of waits. Default `Math.random`. */
  readonly random?: () => number
  /** For `User-Agent`. Defaults to the package's version. */
  readonly version?: string
  readonly clock?: Clock
}

/** Limit of reading again what an operation has changed. */
const refreshMs = 5_000
/** Limit of reading which models are in memory. */
const readMs = 5_000
const maxListBytes = 1_048_576
const concurrentChecks = 5
/** Checks after which a replica applies the rules to an endpoint that was another's. */
const settleChecks = 2

export default fp<ModelOperationsOptions>(
  async function modelOperations(app, options) {
    const { models } = readSections(options, ['models'], ['random', 'version', 'clock'])
    const { clock = systemClock, random = Math.random, version = packageVersion } = options
    const { gatewayPeers: link, endpointRegistry: registry, gatewayState: state } = app
    const { inFlight } = state.of(loadCells)
    const onError = (error: unknown) =>
      app.log.error({ err: error }, 'a model operation failed in the gateway')
    const callServices = {
      clock,
      pools: app.upstreamPools,
      shortages: app.shortages,
      headers: ['User-Agent', `olla-gateway-Operations/${version}`, 'Via', app.viaEntry],
    }
    const holds = new ModelHolds(clock, state.of(circuitCells).models)
    const operations = new Operations({
      clock,
      events: app.gatewayEvents,
      registry,
      catalog: app.modelCatalog,
      inFlight: (slot) => inFlight.value(slot),
      isHealthy: ({ slot }) => isRoutable(registry.health(slot)),
      calls: (endpoint, limits) => new EndpointCalls(callServices, endpoint, limits),
      holds,
      async requestsAt({ name: endpoint, slot }, model) {
        const counts = await link.requestAll(inFlightTopic, { endpoint, model })
        if (counts.length < link.threads) return undefined
        return counts.reduce((sum, count) => sum + count, 0) + inFlightElsewhere(app, slot)
      },
      setService({ slot }, isIn, reason) {
        if (isIn) app.endpointDrains.end(slot, reason)
        else app.endpointDrains.start(slot, { reason })
      },
      refresh: (endpoint, kind) => refresh(app, clock, endpoint, kind),
      onError,
    })
    let intervalMs = models.checkIntervalMs
    const rules = new ModelRules(
      {
        clock,
        registry,
        catalog: app.modelCatalog,
        operations,
        calls: (endpoint) =>
          new EndpointCalls(callServices, endpoint, {
            signal: new AbortController().signal,
            silenceMs: readMs,
          }),
        leads: leadership(app, clock, () => settleChecks * intervalMs),
        isEngineBusy: (slot) =>
          (app.engineSignals?.value(slot, 'running') ?? 0) > 0 || inFlightElsewhere(app, slot) > 0,
        uses: async () => (await link.requestAll(modelUsesTopic, undefined)).flat(),
        queue: new BoundedQueue({
          concurrency: concurrentChecks,
          capacity: Math.max(64, state.capacities.endpoints),
        }),
        onError,
      },
      models,
      random,
    )
    followSections(app.configVersions, ['models'], (next) => () => {
      intervalMs = next.models.checkIntervalMs
      rules.configure(next.models)
    })

    const deaf = [
      link.on(startTopic, (order) => operations.start(order)),
      link.on(operationsTopic, () => ({ operations: operations.list(), rules: rules.views() })),
      link.on(awaitTopic, ({ ids, waitMs }) => operations.whenOver(ids, waitMs)),
      link.on(cancelTopic, ({ id, by }) => operations.cancel(id, by)),
    ]
    app.addHook('onReady', function start(ready) {
      rules.start()
      ready()
    })
    app.addHook('onClose', function stop(_app, closed) {
      for (const end of deaf) end()
      rules.stop()
      operations.stop()
      closed()
    })
  },
  {
    name: 'gateway-model-operations',
    fastify: '5.x',
    dependencies: [
      'gateway-peers',
      'gateway-events',
      'gateway-state',
      'gateway-config-versions',
      'gateway-endpoint-registry',
      'gateway-upstream-pools',
      'gateway-health-checker',
      'gateway-model-discovery',
      'gateway-endpoint-changes',
    ],
  },
)

/** Requests of the other replicas at an endpoint; 0 for one gateway alone. */
function inFlightElsewhere(app: FastifyInstance, slot: number): number {
  return app.hasDecorator('cluster') ? Atomics.load(app.gatewayState.of(placeCells).others, slot) : 0
}

/** Of several replicas one applies the rules to an endpoint, whether or not they divide the probes. */
function leadership(
  app: FastifyInstance,
  clock: Clock,
  settleMs: () => number,
): (endpoint: string) => boolean {
  if (!app.hasDecorator('cluster')) return () => true
  const { cluster } = app
  const found = new SettledLeadership({ clock, own: cluster.id, state: () => cluster.state, settleMs })
  cluster.add({
    membersChanged(members) {
      found.members = members.map(({ id }) => id)
    },
  })
  return (endpoint) => found.leads(endpoint)
}

/** Reads again what an operation has changed, before its end is reported. */
async function refresh(
  app: FastifyInstance,
  clock: Clock,
  endpoint: Endpoint,
  kind: OperationKind,
): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = clock.after(refreshMs, late.resolve)
  await Promise.race([readAgain(app, endpoint, kind).catch(() => {}), late.promise])
  timer.cancel()
}

async function readAgain(app: FastifyInstance, endpoint: Endpoint, kind: OperationKind): Promise<void> {
  const { slot, profile, url, headers } = endpoint
  if (kind === 'sleep' || kind === 'wake') return app.healthChecker.probeNow(slot)
  const path = profile?.loadedModelsPath
  if ((kind === 'load' || kind === 'unload') && profile !== undefined && path !== undefined) {
    const request = { url: `${url}${path}`, headers, timeoutMs: refreshMs, maxBytes: maxListBytes }
    const { body } = await app.upstreamFetch(request)
    app.modelCatalog.setLoaded(slot, parseLoadedModels(profile.listFormat, body))
    return
  }
  // A read that has begun before the change shows the old list.
  await app.modelDiscovery.refresh(slot)
  await app.modelDiscovery.refresh(slot)
}
