import type { FastifyInstance } from 'fastify'
import { modelIssues } from '../../src/observe/views/model-issues.ts'
import type { EndpointSource } from '../../src/observe/views/source.ts'
import { estimateCells } from '../../src/routing/estimate/estimate-cells.ts'
import { loadCells } from '../../src/routing/selection/load-cells.ts'
import { engineSource } from './engine-source.ts'

/** Plugins whose decorators `endpointSources` reads. */
export const endpointSourceDependencies = [
  'gateway-state',
  'gateway-endpoint-registry',
  'gateway-circuit-breaker',
  'gateway-health-checker',
  'gateway-model-discovery',
  'gateway-stats',
  'gateway-endpoint-selector',
]

/** The current state of every endpoint. */
export function endpointSources(app: FastifyInstance): EndpointSource[] {
  const { endpointRegistry, circuitBreakers, healthChecker, gatewayState, gatewayStats } = app
  const { inFlight } = gatewayState.of(loadCells)
  const known = app.modelCatalog.snapshot.byEndpoint
  const ratios =
    app.latencyEstimator.current === undefined ? undefined : gatewayState.of(estimateCells).endpointRatios
  return endpointRegistry.snapshot.shown.map((endpoint) => {
    const { slot } = endpoint
    const models = known.get(slot)
    return {
      endpoint,
      status: endpointRegistry.statusDetail(slot),
      inFlight: inFlight.value(slot),
      traffic: gatewayStats.endpoint(slot),
      timings: gatewayStats.endpointTimings(slot),
      probe: healthChecker.record(slot),
      breaker: circuitBreakers.get(slot).snapshot(),
      modelIssues: modelIssues(circuitBreakers.models(slot), circuitBreakers.modelStates?.pauses(slot) ?? []),
      modelCount: models?.models.length ?? 0,
      modelsSyncedAtMs: models?.seenMs,
      listError: app.modelDiscovery.record(slot).lastError,
      engine: engineSource(app, endpoint),
      estimateRatios: ratios?.quantiles(slot, [0.5, 0.9]),
    }
  })
}
