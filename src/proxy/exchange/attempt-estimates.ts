import type { HistogramTable } from '../../kernel/cells/histogram-table.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Estimator, PendingWork } from '../../routing/estimate/estimator.ts'
import { rateSampleOf } from '../../routing/estimate/rate-sample.ts'
import type { RoutedEndpoint } from '../../routing/models/routing.ts'
import type { RequestFeatures } from '../../routing/selection/selector.ts'
import type { RequestContext } from '../contract/context.ts'
import type { ExchangeRequest } from '../contract/exchange-request.ts'
import type { RequestOutcome } from '../contract/outcome.ts'
import { estimateHeader, featuresOf } from '../request/request-latency.ts'
import { patienceMs } from './patience.ts'

export interface AttemptEstimatesParts {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly estimator: Estimator
  readonly ratios: { readonly endpoints: HistogramTable; readonly models: HistogramTable }
  /** The row of a model in the cells. */
  readonly modelRow: (model: string) => number
}

/** Where a request stands in the waiting line. */
export interface Standing {
  /** Requests that get a place before it, and itself. */
  turns(): number
  /** How long it has waited. */
  waitedMs(): number
}

/** Reports attempts to the estimator: when one begins, when its answer begins, and what was measured at its end. */
export class AttemptEstimates {
  readonly #parts: AttemptEstimatesParts

  constructor(parts: AttemptEstimatesParts) {
    this.#parts = parts
  }

  featuresOf(request: ExchangeRequest): RequestFeatures {
    return featuresOf(this.#parts.estimator, request)
  }

  /** As `patienceMs`, for a request. */
  patienceMs(
    request: ExchangeRequest,
    free: RoutedEndpoint,
    full: readonly RoutedEndpoint[],
    { turns, waitedMs }: Standing,
  ): number | undefined {
    const { estimator } = this.#parts
    return patienceMs(estimator, featuresOf(estimator, request), free, full, turns(), waitedMs())
  }

  /** @param isRepeat whether it replaces the attempt before it, on the same place */
  begins(request: ExchangeRequest, target: RoutedEndpoint, isRepeat: boolean): void {
    const { estimator } = this.#parts
    const features = featuresOf(estimator, request)
    const { latency } = request.context
    if (latency === undefined || (isRepeat && latency.work?.isAwaiting === true)) return
    if (latency.work !== undefined) estimator.answered(latency.work, false)
    latency.work = estimator.begins(features, target)
  }

  /** The answer begins. */
  answered({ latency, headers }: RequestContext, statusCode: number): void {
    const work = latency?.work
    if (work === undefined || !work.isAwaiting) return
    this.#parts.estimator.answered(work, statusCode < 300)
    if (latency?.isExplained === true) headers.push('X-Olla-Estimate', estimateHeader(work))
  }

  /** The attempt there has no place at its endpoint any more. */
  ended({ latency }: RequestContext, target: RoutedEndpoint): void {
    if (latency?.work?.candidate === target) this.#parts.estimator.answered(latency.work, false)
  }

  /** The request continues with an attempt for which nothing was estimated. */
  replaced({ latency }: RequestContext): void {
    if (latency?.work === undefined) return
    this.#parts.estimator.answered(latency.work, false)
    latency.work = undefined
  }

  /** The request is over. */
  settled(context: RequestContext, target: RoutedEndpoint, outcome: RequestOutcome): void {
    const work = context.latency?.work
    const { status = 0, attemptMs, answer, endpoint } = context
    if (work === undefined || attemptMs === undefined || status >= 300) return
    if (outcome !== 'success' && outcome !== 'client_closed') return
    if (endpoint !== target.endpoint.name || work.candidate !== target) return
    const firstTokenMs = answer?.firstTokenMs === undefined ? undefined : answer.firstTokenMs - attemptMs
    if (firstTokenMs !== undefined && firstTokenMs > 0) this.#compare(context, work, firstTokenMs)
    this.#learn(context, work, firstTokenMs, attemptMs, outcome === 'success')
  }

  #compare({ model }: RequestContext, { estimate, candidate }: PendingWork, firstTokenMs: number): void {
    const { ratios, modelRow } = this.#parts
    const ratio = firstTokenMs / Math.max(1, estimate.totalMs)
    ratios.endpoints.record(candidate.endpoint.slot, ratio)
    if (model !== undefined) ratios.models.record(modelRow(model), ratio)
  }

  #learn(
    { promptTokens, completionTokens, answer, startedAtMs }: RequestContext,
    work: PendingWork,
    firstTokenMs: number | undefined,
    attemptMs: number,
    isWhole: boolean,
  ): void {
    const { estimator, clock } = this.#parts
    const measured = {
      promptTokens,
      cachedTokens: answer?.cachedTokens,
      answerTokens: completionTokens,
      firstTokenMs,
      totalMs: isWhole ? clock.monotonicMs() - startedAtMs - attemptMs : undefined,
      tokenGapMs: answer?.interTokenMs,
      loadMs: answer?.loadMs,
    }
    estimator.rates.learn(work.candidate, rateSampleOf(work, measured))
  }
}
