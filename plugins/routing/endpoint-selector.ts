/**
 * Chooses one of several suitable endpoints. Decorates `endpointLoad`, the live state, and `endpointSelector`, unless
 * the host has decorated it with its own selector; depends on the cells, the registry, the breakers and the health
 * checker. Uses if present: `configVersions`, `modelCatalog`, `placeLimits`.
 */

import fp from 'fastify-plugin'
import { readSections, type Sections, type SectionsRead } from '../../src/config/options/sections.ts'
import { AnswerTimes, answerCells } from '../../src/endpoints/health/answer-times.ts'
import { CoolDowns, coolDownCells } from '../../src/endpoints/resilience/cool-down.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { FailurePenalties, penaltyCells } from '../../src/routing/selection/failure-penalty.ts'
import { guardedSelector } from '../../src/routing/selection/guarded-selector.ts'
import { LiveLoad } from '../../src/routing/selection/live-load.ts'
import { loadCells } from '../../src/routing/selection/load-cells.ts'
import type { EndpointLoad, EndpointSelector } from '../../src/routing/selection/selector.ts'
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
    const strategyOf = ({ loadBalancer, priorityTiers }: SectionsRead<'proxy'>['proxy']) =>
      createStrategy(loadBalancer, { priorityTiers, turns: state.of(turnCells) })
    let name = proxy.loadBalancer
    let choose = strategyOf(proxy)
    followSections(versions, ['proxy'], (next) => {
      const prepared = strategyOf(next.proxy)
      return () => {
        name = next.proxy.loadBalancer
        choose = prepared
      }
    })
    const selector: EndpointSelector = {
      get strategy() {
        return name
      },
      select: (candidates, excluded) => choose(candidates, load, excluded),
      peek: (candidates, excluded) => choose(candidates, load, excluded, true),
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
