/**
 * Takes requests to endpoints and answers back. Decorates `proxyEngine`; depends on an engine's transport and
 * on everything that decides where a request goes. Uses if present: `answerObserver`, `requestAffinity`,
 * `usageObserver`, `sessionAffinity`, `storedResponses`, `pathKnowledge`, `modelLook`. A host may decorate the first two
 * itself, before the gateway: what they throw is logged, and the request goes on without them. Absent, they cost nothing. On close, after the drain, nothing is left to do here.
 */

import fp from 'fastify-plugin'
import { AnswerTimes, answerCells } from '../../src/endpoints/health/answer-times.ts'
import { DeadlineSweep } from '../../src/endpoints/resilience/deadline-sweep.ts'
import { RetryPolicy, type RetryPolicyOptions } from '../../src/endpoints/resilience/retry-policy.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { failoverStatuses } from '../../src/kernel/failure-statuses.ts'
import { joinObservers } from '../../src/proxy/answer/join-observers.ts'
import type { Affinity } from '../../src/proxy/contract/affinity.ts'
import type { ObserveAnswer } from '../../src/proxy/contract/answer-observer.ts'
import { ProxyEngine } from '../../src/proxy/exchange/engine.ts'
import type { ActiveExchange } from '../../src/proxy/exchange/exchange-services.ts'
import { gatheringFor, type StreamingProfile } from '../../src/proxy/exchange/gathering.ts'
import { guardedAffinity, guardedObserve } from '../../src/proxy/exchange/guarded.ts'
import { TurnTransport } from '../../src/proxy/transports/turn-transport.ts'
import { CapacityQueue, queueCells } from '../../src/routing/selection/capacity-queue.ts'
import { loadCells } from '../../src/routing/selection/load-cells.ts'

export interface ProxyEngineOptions {
  /** `olla` or `sherpa`; for display. */
  readonly engine: string
  /** Version of the gateway, for `Via`, `X-Served-By` and `X-Proxied-By`. */
  readonly version: string
  /** A whole request, all attempts; milliseconds, 0 is no limit. Default 900,000. */
  readonly totalTimeoutMs?: number
  /** Silence of a client that takes nothing; milliseconds, 0 is no limit. Default 600,000. */
  readonly clientStallMs?: number
  /** Default `auto`. */
  readonly streamingProfile?: StreamingProfile
  /** Bytes joined where chunks are gathered. Default 65,536. */
  readonly bufferBytes?: number
  /** Attempts of one request that reach an endpoint. Default 6. */
  readonly maxAttempts?: number
  /** Wait for an endpoint that has just gone down, where nothing else can serve; milliseconds. Default 5,000. */
  readonly outageWaitMs?: number
  /** Default: `failoverStatuses` of the evidence. */
  readonly failoverStatuses?: readonly number[]
  /** First-byte limit where the endpoint must load the model first; milliseconds. Default 900,000. */
  readonly coldStartMs?: number
  /** Requests by which a warm endpoint may be busier. Default 2. */
  readonly warmMargin?: number
  /** Answers get the model name that was asked for. Default true. */
  readonly renameAnswers?: boolean
  /** The gateway itself decides which origins may ask. Default false. */
  readonly answersCors?: boolean
  readonly retries?: Partial<RetryPolicyOptions>
  readonly queue?: { readonly maxWaiting: number; readonly maxWaitMs: number }
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    proxyEngine: ProxyEngine
    /** Prefers an endpoint for a request. */
    requestAffinity?: Affinity
    /** Reads the answers of endpoints for the host. */
    answerObserver?: ObserveAnswer
  }
}

export default fp<ProxyEngineOptions>(
  function proxyEngine(app, options, done) {
    const clock = options.clock ?? systemClock
    const queue = new CapacityQueue(options.queue?.maxWaiting ?? 1000, {
      ...app.gatewayState.of(queueCells),
      clock,
      link: app.gatewayPeers,
    })
    const active = new DeadlineSweep<ActiveExchange>(clock)
    const onError = (error: unknown, part: string) =>
      app.log.error({ err: error, part }, 'a part of the host failed')
    const { requestAffinity: given, answerObserver } = app
    const isOwn = given === undefined || given === app.sessionAffinity
    const affinity = isOwn ? given : guardedAffinity(given, onError)
    const hostObserve =
      answerObserver === undefined ? undefined : guardedObserve(answerObserver, 'answerObserver', onError)
    const stored = app.hasDecorator('storedResponses') ? app.storedResponses.observe : undefined
    const engine = new ProxyEngine(options.engine, {
      clock,
      options: {
        version: options.version,
        totalTimeoutMs: options.totalTimeoutMs ?? 900_000,
        clientStallMs: options.clientStallMs ?? 600_000,
        queueWaitMs: options.queue?.maxWaitMs ?? 30_000,
        coldStartMs: options.coldStartMs ?? 900_000,
        warmMargin: options.warmMargin ?? 2,
        renameAnswers: options.renameAnswers ?? true,
        maxAttempts: options.maxAttempts ?? 6,
        outageWaitMs: options.outageWaitMs ?? 5_000,
        failoverStatuses: new Set(options.failoverStatuses ?? failoverStatuses),
        answersCors: options.answersCors ?? false,
        gatherBytes: gatheringFor(options.streamingProfile ?? 'auto', options.bufferBytes ?? 65_536),
      },
      transport: new TurnTransport(app.upstreamTransport),
      selector: app.endpointSelector,
      load: app.endpointLoad,
      breakers: app.circuitBreakers,
      inFlight: app.gatewayState.of(loadCells).inFlight,
      health: app.healthChecker,
      answers: new AnswerTimes(clock, app.gatewayState.of(answerCells).answeredAtMs),
      retries: new RetryPolicy(retryShare(options.retries, app.gatewayPeers.threads)),
      queue,
      budget: app.bufferBudget,
      stats: app.gatewayStats,
      shortages: app.shortages,
      events: app.gatewayEvents,
      hooks: app.requestHooks,
      active,
      affinity,
      lacks: app.hasDecorator('pathKnowledge')
        ? {
            path: ({ endpoint, nativeModel }, path, serves, words) =>
              app.pathKnowledge.learn(endpoint, path, serves, words, nativeModel),
            model: (slot) => app.modelLook.at(slot),
          }
        : undefined,
      observe: joinObservers(
        joinObservers(hostObserve, app.usageObserver),
        joinObservers(affinity?.observe?.bind(affinity), stored),
      ),
    })
    app.decorate('proxyEngine', engine)
    app.gatewayLifecycle.track({ inFlight: () => engine.active, cutAll: () => engine.cutAll() })
    const subscription = app.gatewayEvents.subscribe(() => queue.changed(), {
      // What an ended thread held is free again.
      types: ['endpoint.status', 'breaker.transition', 'model.transition', 'thread.stopped'],
    })
    app.addHook('onClose', function stop(_app, closed) {
      subscription.close()
      queue.close()
      active.stop()
      closed()
    })
    done()
  },
  {
    name: 'gateway-proxy-engine',
    fastify: '5.x',
    dependencies: [
      'gateway-peers',
      'gateway-events',
      'gateway-state',
      'gateway-buffer-budget',
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

const defaultBudgetBurst = 200

/** Each serving thread earns retries by its own requests, and saves up its part of the most. */
function retryShare(options: Partial<RetryPolicyOptions> = {}, threads: number): Partial<RetryPolicyOptions> {
  const { budgetBurst = defaultBudgetBurst } = options
  return { ...options, budgetBurst: Math.max(1, budgetBurst / threads) }
}
