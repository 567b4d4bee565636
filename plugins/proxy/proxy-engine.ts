/**
 * Sends requests to endpoints and relays their answers. Decorates `proxyEngine`; depends on an engine's transport and
 * on the plugins that choose the endpoint. Uses if present: `configVersions`, `answerObserver`, `requestAffinity`,
 * `usageObserver`, `sessionAffinity`, `storedResponses`, `pathKnowledge`, `modelRouter`, `modelLookup`,
 * `upstreamStreams`, `translation`, `callerMeter`, `placeLimits`, `modelCatalog`, `hedging`. A host may decorate the first two itself,
 * before the gateway: errors
 * that they throw are logged, and the request continues without them. Absent ones cost nothing. After the drain, it
 * needs no cleanup on close.
 */

import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { readSections, type SectionOptions, type Sections } from '../../src/config/options/sections.ts'
import { AnswerTimes, answerCells } from '../../src/endpoints/health/answer-times.ts'
import { DeadlineSweep } from '../../src/endpoints/resilience/deadline-sweep.ts'
import { RetryPolicy } from '../../src/endpoints/resilience/retry-policy.ts'
import { WakeRequests } from '../../src/endpoints/wake/wake-requests.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { version as packageVersion } from '../../src/kernel/package.ts'
import { joinObservers } from '../../src/proxy/answer/join-observers.ts'
import type { Affinity } from '../../src/proxy/contract/affinity.ts'
import type { ObserveAnswer } from '../../src/proxy/contract/answer-observer.ts'
import type { CallerMeter } from '../../src/proxy/contract/caller-meter.ts'
import { AttemptEstimates } from '../../src/proxy/exchange/attempt-estimates.ts'
import { ProxyEngine } from '../../src/proxy/exchange/engine.ts'
import type { ActiveExchange } from '../../src/proxy/exchange/exchange-services.ts'
import { gatheringFor } from '../../src/proxy/exchange/gathering.ts'
import { guardedAffinity, guardedObserve } from '../../src/proxy/exchange/guarded.ts'
import { lateTranslation } from '../../src/proxy/exchange/late-translation.ts'
import type { LackKnowledge } from '../../src/proxy/exchange/request-lack.ts'
import { answersCors } from '../../src/proxy/request/answers-cors.ts'
import { createRerouting } from '../../src/proxy/request/rerouting.ts'
import { TurnTransport } from '../../src/proxy/transports/turn-transport.ts'
import { cutTopic } from '../../src/routing/drain/drain-topics.ts'
import { estimateCells } from '../../src/routing/estimate/estimate-cells.ts'
import { joinWatches, lineActivity } from '../../src/routing/line/line-activity.ts'
import { lineCells } from '../../src/routing/line/line-cells.ts'
import type { LineOptions } from '../../src/routing/line/line-contract.ts'
import type { LineWaiter } from '../../src/routing/line/line-ticket.ts'
import { modelSwaps } from '../../src/routing/line/model-swaps.ts'
import { WaitingLine } from '../../src/routing/line/waiting-line.ts'
import { loadCells } from '../../src/routing/selection/load-cells.ts'
import { placesGrantedTopic, placesWantedTopic } from '../../src/routing/selection/place-limits.ts'
import {
  type ReservedShares,
  reservedShares,
  usablePlaces,
} from '../../src/routing/selection/place-reserve.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'

/** Reads all of `proxy`, and whether answers get the requested model name. */
export interface ProxyEngineOptions extends Sections<'proxy' | 'model_registry'> {
  /** For `Via`, `X-Served-By` and `X-Proxied-By`. Defaults to the package's version. */
  readonly version?: string
  readonly clock?: Clock
}

type RetryBudget = SectionOptions<'proxy'>['retryBudget']

declare module 'fastify' {
  interface FastifyInstance {
    proxyEngine: ProxyEngine
    /** Prefers an endpoint for a request. */
    requestAffinity?: Affinity
    /** Reads the answers of endpoints for the host. */
    answerObserver?: ObserveAnswer
    /** Counts and limits what callers use. */
    callerMeter?: CallerMeter
  }
}

export default fp<ProxyEngineOptions>(
  async function proxyEngine(app, options) {
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    const { proxy, modelRegistry } = readSections(options, ['proxy', 'model_registry'], ['version', 'clock'])
    const clock = options.clock ?? systemClock
    const queue = new WaitingLine(lineOptions(proxy.queue), {
      ...app.gatewayState.of(lineCells),
      clock,
      link: app.gatewayPeers,
      mustSwap: app.hasDecorator('modelCatalog')
        ? modelSwaps(app.modelCatalog, app.endpointRegistry)
        : undefined,
      hasPlace: (slot, share) => hasPlace(app, slot, share),
      watch: joinWatches(
        lineActivity(clock, app.gatewayEvents, () => engine.waiting),
        app.placeLimits === undefined ? undefined : { entered: wantPlaces(app) },
      ),
    })
    if (app.placeLimits !== undefined) {
      app.gatewayPeers.on(placesGrantedTopic, ({ slot, places }) => {
        for (let place = 0; place < places; place++) queue.released(slot)
      })
    }
    const wakes = new WakeRequests(clock, app.gatewayPeers)
    const active = new DeadlineSweep<ActiveExchange>(clock)
    const onError = (error: unknown, part: string) =>
      app.log.error({ err: error, part }, 'a hook of the host application threw')
    const { requestAffinity: given, answerObserver } = app
    const isOwn = given === undefined || given === app.sessionAffinity
    const affinity = isOwn ? given : guardedAffinity(given, onError)
    const hostObserve =
      answerObserver === undefined ? undefined : guardedObserve(answerObserver, 'answerObserver', onError)
    const stored = app.hasDecorator('storedResponses') ? app.storedResponses.observe : undefined
    const lacks: LackKnowledge | undefined = app.hasDecorator('pathKnowledge')
      ? {
          path: ({ endpoint, nativeModel }, path, serves, message) =>
            app.pathKnowledge.learn(endpoint, path, serves, message, nativeModel),
          model: (slot) => app.modelLookup.at(slot),
        }
      : undefined
    const estimates = attemptEstimates(app, clock)
    const hedging = app.hasDecorator('hedging') ? app.hedging : undefined
    /** What depends on the configuration. */
    const configured = (section: SectionOptions<'proxy'>) => ({
      options: {
        ...section,
        version: options.version ?? packageVersion,
        rewriteResponseModel: modelRegistry.rewriteResponseModel,
        failoverStatuses: new Set(section.failoverStatuses),
        answersCors: answersCors((name) => app.hasPlugin(name)),
        gatherBytes: gatheringFor(section.profile, section.streamBufferBytes),
        reservedPlaces: reservedOf(section.queue),
      },
      retries: new RetryPolicy({
        ...section,
        retryBudget: budgetShare(section.retryBudget, app.gatewayPeers.threads),
      }),
    })
    const first = configured(proxy)
    const engine = new ProxyEngine(proxy.engine, {
      clock,
      options: first.options,
      retries: first.retries,
      estimates: estimates(),
      hedging: hedging?.current,
      transport: new TurnTransport(app.upstreamTransport),
      selector: app.endpointSelector,
      load: app.endpointLoad,
      breakers: app.circuitBreakers,
      inFlight: app.gatewayState.of(loadCells).inFlight,
      places: app.placeLimits,
      health: app.healthChecker,
      answers: new AnswerTimes(clock, app.gatewayState.of(answerCells).answeredAtMs),
      wake: (slot) => wakes.wake(slot),
      queue,
      rerouting: app.hasDecorator('modelRouter')
        ? createRerouting({
            registry: app.endpointRegistry,
            router: app.modelRouter,
            stored: app.hasDecorator('storedResponses') ? app.storedResponses : undefined,
          })
        : undefined,
      budget: app.bufferBudget,
      stats: app.gatewayStats,
      shortages: app.shortages,
      meter: app.callerMeter,
      events: app.gatewayEvents,
      hooks: app.requestHooks,
      active,
      affinity,
      lacks,
      translateLate:
        lacks !== undefined && app.hasDecorator('translation')
          ? lateTranslation(app.translation, lacks)
          : undefined,
      streams: app.hasDecorator('upstreamStreams') ? app.upstreamStreams : undefined,
      observe: joinObservers(
        joinObservers(hostObserve, app.usageObserver),
        joinObservers(affinity?.observe?.bind(affinity), stored),
      ),
    })
    app.decorate('proxyEngine', engine)
    followSections(versions, ['proxy'], (next) => {
      const services = configured(next.proxy)
      return () => {
        engine.use({ ...services, estimates: estimates(), hedging: hedging?.current })
        queue.use(lineOptions(next.proxy.queue))
      }
    })
    app.gatewayLifecycle.track({ inFlight: () => engine.active, cutAll: () => engine.cutAll() })
    const subscription = app.gatewayEvents.subscribe(() => queue.changed(), {
      // Places that a stopped thread held are free again; a request that waits may go to an added endpoint.
      types: [
        'endpoint.status',
        'breaker.transition',
        'model.transition',
        'thread.stopped',
        'config.changed',
      ],
    })
    const deaf = app.gatewayPeers.on(cutTopic, (endpoint) => engine.cutAt(endpoint))
    app.addHook('onClose', function stop(_app, closed) {
      subscription.close()
      deaf()
      queue.close()
      active.stop()
      closed()
    })
  },
  {
    name: 'gateway-proxy-engine',
    fastify: '5.x',
    dependencies: [
      'gateway-peers',
      'gateway-events',
      'gateway-state',
      'gateway-buffer-budget',
      'gateway-endpoint-registry',
      'gateway-request-hooks',
      'gateway-lifecycle',
      'gateway-circuit-breaker',
      'gateway-health-checker',
      'gateway-endpoint-selector',
      'gateway-stats',
      'gateway-upstream-pools',
      'gateway-engine',
    ],
  },
)

/** Reports attempts to the estimator while something uses it. */
function attemptEstimates(app: FastifyInstance, clock: Clock): () => AttemptEstimates | undefined {
  const { latencyEstimator, gatewayState: state, gatewayStats } = app
  let known: AttemptEstimates | undefined
  return () => {
    const estimator = latencyEstimator.current
    if (estimator === undefined) return undefined
    if (known === undefined) {
      const { endpointRatios: endpoints, modelRatios: models } = state.of(estimateCells)
      const modelRow = (model: string) => gatewayStats.modelRow(model)
      known = new AttemptEstimates({ clock, estimator, ratios: { endpoints, models }, modelRow })
    }
    return known
  }
}

function lineOptions(section: SectionOptions<'proxy'>['queue']): LineOptions {
  return {
    ...section,
    maxBytesPerModel: section.maxSizePerModelBytes,
    isFair: section.fair,
    riseMs: section.ageAfterMs,
    reserved: reservedOf(section),
  }
}

function reservedOf({
  reservedForHigh,
  reservedForNormal,
}: SectionOptions<'proxy'>['queue']): ReservedShares {
  return reservedShares({ high: reservedForHigh, normal: reservedForNormal })
}

/** Whether an endpoint has a place for requests that leave a share of them to higher classes. */
function hasPlace(app: FastifyInstance, slot: number, share: number): boolean {
  const { endpointRegistry, gatewayState, placeLimits } = app
  const maxConcurrent = endpointRegistry.snapshot.bySlot[slot]?.maxConcurrent ?? 0
  if (maxConcurrent === 0) return true
  const limit = placeLimits?.limitOf(slot, maxConcurrent) ?? maxConcurrent
  return gatewayState.of(loadCells).inFlight.value(slot) < usablePlaces(limit, share)
}

/** Reports for which endpoints a request waits, so that the gateway gets more of their places. */
function wantPlaces({ endpointRegistry, gatewayPeers }: FastifyInstance): (waiter: LineWaiter) => void {
  return (waiter) => {
    const slots: number[] = []
    for (const { slot, maxConcurrent } of endpointRegistry.snapshot.endpoints)
      if (maxConcurrent > 0 && waiter.wants(slot)) slots.push(slot)
    if (slots.length > 0) gatewayPeers.sendToControl(placesWantedTopic, slots)
  }
}

/** Each serving thread earns retries by its own requests, up to its share of the maximum. */
function budgetShare({ ratio, burst }: RetryBudget, threads: number): RetryBudget {
  return { ratio, burst: Math.max(1, burst / threads) }
}
