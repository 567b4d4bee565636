/**
 * Chooses one of several suitable endpoints. Decorates `endpointLoad`, the live state; `latencyEstimator`, the estimates
 * of the time to the first token, which exist while something uses them; and `endpointSelector`, unless the host has
 * decorated it with its own selector. Depends on the cells, the registry, the breakers and the health checker. Uses if
 * present: `configVersions`, `modelCatalog`, `placeLimits`, `engineSignals`, `gatewayEvents`.
 */

import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { readSections, type Sections, type SectionsRead } from '../../src/config/options/sections.ts'
import { AnswerTimes, answerCells } from '../../src/endpoints/health/answer-times.ts'
import { isSameServer } from '../../src/endpoints/registry/next-endpoints.ts'
import { CoolDowns, coolDownCells } from '../../src/endpoints/resilience/cool-down.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { estimateCells } from '../../src/routing/estimate/estimate-cells.ts'
import { Estimator } from '../../src/routing/estimate/estimator.ts'
import { EstimatorInUse } from '../../src/routing/estimate/estimator-in-use.ts'
import { expectedLatency } from '../../src/routing/estimate/expected-latency.ts'
import { PrefixIndex, prefixCells } from '../../src/routing/estimate/prefix-index.ts'
import { FailurePenalties, penaltyCells } from '../../src/routing/selection/failure-penalty.ts'
import { guardedSelector } from '../../src/routing/selection/guarded-selector.ts'
import { LiveLoad } from '../../src/routing/selection/live-load.ts'
import { loadCells } from '../../src/routing/selection/load-cells.ts'
import type { EndpointLoad, EndpointSelector, Strategy } from '../../src/routing/selection/selector.ts'
import { createStrategy, turnCells } from '../../src/routing/selection/strategies.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'

export interface EndpointSelectorOptions extends Sections<'proxy'> {
  /**
   * Creates a selector that replaces the configured strategy; the strategy then chooses only if the selector throws or
   * chooses an endpoint that cannot accept the request.
   * @param load the endpoints' state: requests in flight, share of the weight, whether one admits a request
   */
  readonly selector?: ((load: EndpointLoad) => EndpointSelector) | undefined
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    endpointLoad: LiveLoad
    latencyEstimator: EstimatorInUse
    endpointSelector: EndpointSelector
  }
}

export default fp<EndpointSelectorOptions>(
  async function endpointSelector(app, options) {
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    const { proxy } = readSections(options, ['proxy'], ['selector', 'clock'])
    const clock = options.clock ?? systemClock
    const { circuitBreakers: breakers, gatewayState: state } = app
    const models = breakers.modelStates
    if (models !== undefined && app.hasDecorator('modelCatalog')) {
      models.countModels = (slot) => app.modelCatalog.snapshot.byEndpoint.get(slot)?.models.length ?? 0
    }
    const answers = new AnswerTimes(clock, state.of(answerCells).answeredAtMs)
    const hasAnsweredSince = (slot: number, sinceMs: number) => answers.hasAnsweredSince(slot, sinceMs)
    const load = new LiveLoad({
      clock,
      registry: app.endpointRegistry,
      ...state.of(loadCells),
      breakers,
      health: app.healthChecker,
      coolDowns: new CoolDowns(clock, state.of(coolDownCells).untilMs, { models, hasAnsweredSince }),
      answers,
      places: app.placeLimits,
      penalties: new FailurePenalties(clock, state.of(penaltyCells).penalties, { models }),
    })
    app.decorate('endpointLoad', load)
    const estimators = new EstimatorInUse(() => {
      const estimator = new Estimator({
        clock,
        load,
        signals: app.engineSignals,
        cells: state.of(estimateCells),
        prefixes: new PrefixIndex(clock, state.of(prefixCells)),
      })
      followEndpoints(app, estimator)
      return estimator
    })
    app.decorate('latencyEstimator', estimators)
    const strategyOf = ({ loadBalancer, priorityTiers }: SectionsRead<'proxy'>['proxy']): Strategy => {
      const turns = state.of(turnCells)
      return loadBalancer === 'expected-latency'
        ? expectedLatency({ priorityTiers, turns, estimator: estimators.prepare() })
        : createStrategy(loadBalancer, { priorityTiers, turns })
    }
    let name = proxy.loadBalancer
    let choose = strategyOf(proxy)
    estimators.use('strategy', name === 'expected-latency')
    followSections(versions, ['proxy'], (next) => {
      const prepared = strategyOf(next.proxy)
      return () => {
        name = next.proxy.loadBalancer
        choose = prepared
        estimators.use('strategy', name === 'expected-latency')
        const { current } = estimators
        if (current !== undefined) current.signals = app.engineSignals
      }
    })
    const selector: EndpointSelector = {
      get strategy() {
        return name
      },
      get weighsLoading() {
        return name === 'expected-latency'
      },
      select: (candidates, excluded, features) => choose(candidates, load, excluded, false, features),
      peek: (candidates, excluded, features) => choose(candidates, load, excluded, true, features),
    }
    if (options.selector !== undefined) {
      const onError = (error: unknown) =>
        app.log.error({ err: error, part: 'selector' }, 'a hook of the host application threw')
      app.decorate('endpointSelector', guardedSelector(options.selector(load), selector, load, onError))
    } else if (!app.hasDecorator('endpointSelector')) {
      app.decorate('endpointSelector', selector)
    }
  },
  {
    name: 'gateway-endpoint-selector',
    fastify: '5.x',
    dependencies: [
      'gateway-state',
      'gateway-endpoint-registry',
      'gateway-circuit-breaker',
      'gateway-health-checker',
    ],
  },
)

/** An endpoint that was offline has lost its caches; one that became another server, or its row, also its rates. */
function followEndpoints(app: FastifyInstance, estimator: Estimator): void {
  const { endpointRegistry: registry } = app
  const names: string[] = []
  for (const { slot, name } of registry.snapshot.endpoints) names[slot] = name
  registry.follow({
    present(endpoint, before) {
      const { slot, name } = endpoint
      const isOther = names[slot] !== undefined && names[slot] !== name
      if (isOther || (before !== undefined && !isSameServer(before, endpoint))) estimator.forget(slot)
      names[slot] = name
    },
  })
  if (!app.hasDecorator('gatewayEvents')) return
  app.gatewayEvents.subscribe(
    (event) => {
      if (event.type !== 'endpoint.status' || event.data.to !== 'offline') return
      const slot = registry.snapshot.byName.get(event.data.endpoint)?.slot
      if (slot !== undefined) estimator.forgetCaches(slot)
    },
    { types: ['endpoint.status'], capacity: 1_000 },
  )
}
