/** What is known of a model at the moment of a request. */
export type ModelKnowledge =
  /** At least one routable endpoint has it. */
  | 'found'
  /** Only endpoints that are not routable have it. */
  | 'unavailable'
  /** No endpoint has it. */
  | 'unknown'

export interface RoutingDecision {
  /** `fallback`: goes to endpoints that are not known to have the model. */
  readonly decision: 'routed' | 'fallback' | 'rejected'
  /** `X-Olla-Routing-Reason`. */
  readonly reason: string
  /** HTTP status of a rejection, 200 otherwise. */
  readonly status: number
}

export type StrategyName = 'strict' | 'optimistic' | 'discovery'
export type Fallback = 'compatible_only' | 'none' | 'all'
type Strategy = (knowledge: ModelKnowledge, fallback: Fallback) => RoutingDecision

const routed = (reason: string): RoutingDecision => ({ decision: 'routed', reason, status: 200 })
const fallback = (reason: string): RoutingDecision => ({ decision: 'fallback', reason, status: 200 })
const rejected = (reason: string, status: number): RoutingDecision => ({
  decision: 'rejected',
  reason,
  status,
})

/** Contract 6.6, a row per case. */
export const strategies: Record<StrategyName, Strategy> = {
  strict: (knowledge) => {
    switch (knowledge) {
      case 'found':
        return routed('model_found')
      case 'unavailable':
        return rejected('model_unavailable', 503)
      case 'unknown':
        return rejected('model_not_found', 404)
    }
  },
  optimistic: (knowledge, behaviour) => {
    switch (knowledge) {
      case 'found':
        return routed('model_found')
      case 'unavailable':
        if (behaviour === 'all') return fallback('all_healthy_fallback')
        return rejected(`model_unavailable_${behaviour === 'none' ? 'no_fallback' : behaviour}`, 503)
      case 'unknown':
        return behaviour === 'all' ? fallback('model_not_found_fallback') : rejected('model_not_found', 404)
    }
  },
  discovery: (knowledge) =>
    knowledge === 'found' ? routed('model_found_no_refresh') : rejected('model_unavailable_no_refresh', 503),
}
