import type { ServedRoute } from '../../routing/models/routing.ts'
import type { RequestRoute } from '../contract/context.ts'

const names = ['X-Olla-Routing-Strategy', 'X-Olla-Routing-Decision', 'X-Olla-Routing-Reason'] as const

/** Records how a request was routed, for the headers of its answer and its record; replaces an earlier decision. */
export function noteRoute(context: RequestRoute, { strategy, decision, reason }: ServedRoute): void {
  context.routingStrategy = strategy
  context.routingDecision = decision
  context.routingReason = reason
  if (strategy === undefined) return
  const { headers } = context
  const at = headers.indexOf(names[0])
  if (at < 0) {
    headers.push(names[0], strategy, names[1], decision, names[2], reason)
  } else {
    headers[at + 1] = strategy
    headers[at + 3] = decision
    headers[at + 5] = reason
  }
}

/** Reports a rejection: no endpoint could be tried. */
export function noteUntried(context: RequestRoute): void {
  if (context.routingDecision === 'rejected') return
  const reason = context.model === undefined ? 'no_healthy_endpoints' : 'model_unavailable'
  noteRoute(context, { strategy: context.routingStrategy, decision: 'rejected', reason })
}
