import type { Endpoint } from '../../endpoints/registry/endpoint.ts'
import type { ExplainedState } from './explain.ts'
import type { Explanation } from './explanation.ts'

/**
 * Explains where a request goes that manages models: not by load, but to every endpoint that the configuration names.
 * @param targets none if the gateway refuses the request
 */
export function explainManagement(
  model: string | undefined,
  targets: readonly Endpoint[],
  { load, breakers, selector }: Pick<ExplainedState, 'load' | 'breakers' | 'selector'>,
): Explanation {
  const isRefused = targets.length === 0
  return {
    model: model ?? null,
    strategy: null,
    decision: isRefused ? 'rejected' : 'routed',
    reason: isRefused ? 'management_refused' : 'management_endpoints',
    balancer: selector.strategy,
    chosen: targets[0]?.name ?? null,
    would_refresh: false,
    session: null,
    hedging: null,
    endpoints: load.registry.snapshot.endpoints.map((endpoint) => {
      const { slot, name, priority, weight, maxConcurrent } = endpoint
      const chosen = targets.includes(endpoint)
      return {
        endpoint: name,
        chosen,
        reason: chosen ? 'in proxy.management_endpoints' : 'not in proxy.management_endpoints',
        translation: null,
        streamed_upstream: false,
        native_model: chosen ? (model ?? null) : null,
        status: load.registry.status(slot),
        circuit: breakers.deciding({ endpoint }).state,
        priority,
        weight,
        share: Math.round(load.share(slot) * 100) / 100,
        in_flight: load.inFlight(slot),
        max_concurrent: maxConcurrent,
        failure_penalty: Math.round(load.penalty({ endpoint }) * 100) / 100,
        warm: null,
        cost: null,
        engine: null,
        estimate: null,
      }
    }),
  }
}
