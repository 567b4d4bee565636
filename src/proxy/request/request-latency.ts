import type { Estimator, PendingWork } from '../../routing/estimate/estimator.ts'
import type { RequestFeatures } from '../../routing/selection/selector.ts'
import type { RequestContext } from '../contract/context.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import type { RequestLatency } from '../contract/request-latency.ts'

export function newLatency(isExplained: boolean): RequestLatency {
  return { features: undefined, work: undefined, isExplained }
}

/** What a selector may know of a request; read once. */
export function featuresOf(
  estimator: Estimator,
  { context, body, path }: Pick<ExchangeRequest, 'body' | 'path'> & { readonly context: RequestContext },
): RequestFeatures {
  context.latency ??= newLatency(false)
  context.latency.features ??= estimator.features.read(
    Buffer.isBuffer(body) ? body : undefined,
    path,
    context.model,
  )
  return context.latency.features
}

/** Value of `X-Olla-Estimate`: only about the endpoint that answers. */
export function estimateHeader({ estimate }: PendingWork): string {
  const { totalMs, terms, confidence, promptTokens, cachedTokens } = estimate
  return [
    `total=${Math.round(totalMs)}ms`,
    `waiting=${Math.round(terms.waitingMs)}ms`,
    `prefill=${Math.round(terms.prefillMs)}ms`,
    `load=${Math.round(terms.loadMs)}ms`,
    `decode=${Math.round(terms.decodeMs)}ms`,
    `prompt=${Math.round(promptTokens)}`,
    `cached=${Math.round(cachedTokens)}`,
    `confidence=${confidence.toFixed(2)}`,
  ].join('; ')
}
