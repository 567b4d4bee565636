/** What the gateway knows about a model when a request arrives. */
export type ModelKnowledge =
  /** At least one routable endpoint has the model. */
  | 'found'
  /** Only unroutable endpoints have the model. */
  | 'unavailable'
  /** No endpoint has the model. */
  | 'unknown'

/**
 * Result of a refresh of the model lists: `off` by configuration, `done`, `failed` if no endpoint answered in time,
 * `impossible` if model discovery is disabled.
 */
export type Refresh = 'off' | 'done' | 'failed' | 'impossible'

export interface RoutingDecision {
  /** `fallback`: the request goes to endpoints that are not known to have the model. */
  readonly decision: 'routed' | 'fallback' | 'rejected'
  /** `X-Olla-Routing-Reason`. */
  readonly reason: string
  /** HTTP status of a rejection, 200 otherwise. */
  readonly status: number
}

export type StrategyName = 'strict' | 'optimistic' | 'discovery'
export type Fallback = 'compatible_only' | 'none' | 'all'

export interface RoutingCase {
  readonly knowledge: ModelKnowledge
  readonly fallback: Fallback
  /** Undefined if no refresh was due. */
  readonly refresh: Refresh | undefined
  /** Whether any endpoint in scope is routable. */
  readonly someRoutable: boolean
}

type Strategy = (situation: RoutingCase) => RoutingDecision

const routed = (reason: string): RoutingDecision => ({ decision: 'routed', reason, status: 200 })
const fallbackTo = (reason: string): RoutingDecision => ({ decision: 'fallback', reason, status: 200 })
const rejected = (reason: string, status: number): RoutingDecision => ({
  decision: 'rejected',
  reason,
  status,
})

/** Contract 6.6, one row per case, including those that Olla declares but never reaches. */
export const strategies: Record<StrategyName, Strategy> = {
  strict: ({ knowledge }) => {
    switch (knowledge) {
      case 'found':
        return routed('model_found')
      case 'unavailable':
        return rejected('model_unavailable', 503)
      case 'unknown':
        return rejected('model_not_found', 404)
    }
  },
  optimistic: ({ knowledge, fallback }) => {
    switch (knowledge) {
      case 'found':
        return routed('model_found')
      case 'unavailable':
        if (fallback === 'all') return fallbackTo('all_healthy_fallback')
        return rejected(`model_unavailable_${fallback === 'none' ? 'no_fallback' : fallback}`, 503)
      case 'unknown':
        return fallback === 'all' ? fallbackTo('model_not_found_fallback') : rejected('model_not_found', 404)
    }
  },
  discovery: ({ knowledge, fallback, refresh, someRoutable }) => {
    // As in the other strategy: any endpoint may serve while the model's own endpoints are unavailable.
    const mayFallBackToAll = knowledge === 'unavailable' && fallback === 'all' && someRoutable
    switch (refresh) {
      case undefined:
        // Found without a refresh.
        return knowledge === 'found' ? routed('model_found') : rejected('model_unavailable_no_refresh', 503)
      case 'off':
        if (mayFallBackToAll) return fallbackTo('all_healthy_fallback')
        return knowledge === 'found'
          ? routed('model_found_no_refresh')
          : rejected('model_unavailable_no_refresh', 503)
      case 'done':
        if (knowledge === 'found') return routed('model_found_after_discovery')
        if (fallback !== 'all') {
          return rejected('model_unavailable_after_discovery', knowledge === 'unknown' ? 404 : 503)
        }
        return someRoutable
          ? fallbackTo('all_healthy_after_discovery')
          : rejected('no_healthy_after_discovery', 503)
      case 'failed':
        if (fallback === 'all' && someRoutable) return fallbackTo('discovery_failed_all_fallback')
        return rejected(`discovery_failed_${fallback === 'compatible_only' ? fallback : 'no_fallback'}`, 503)
      case 'impossible':
        return fallback === 'all' && someRoutable
          ? fallbackTo('discovery_error_fallback')
          : rejected('discovery_error', 503)
    }
  },
}
