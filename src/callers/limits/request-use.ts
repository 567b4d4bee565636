import type { RequestContext } from '../../proxy/contract/context.ts'
import type { RequestRecord } from '../../proxy/contract/request-record.ts'
import { costOf, type PricedUse, type PriceTable } from '../prices/price-table.ts'
import type { RequestUse } from './contract.ts'
import type { Estimates } from './estimates.ts'
import { audioSecondsOf, operationUse } from './operation-use.ts'

export interface UseServices {
  readonly estimates: Pick<Estimates, 'promptTokensOf'>
  readonly prices: Pick<PriceTable, 'of'>
}

/** An answer without a report of its tokens has about this many bytes per token. */
const bytesPerToken = 4

const nothing: RequestUse = {
  promptTokens: 0,
  cachedTokens: 0,
  completionTokens: 0,
  audioSeconds: 0,
  cost: 0,
  isEstimated: false,
}

type UsedContext = Pick<RequestContext, 'sentMs' | 'isStream'>

/**
 * What a request has used:
 *
 * - what the endpoint reports, if it does;
 * - nothing, if no endpoint got the request, or the one that did answered with an error;
 * - otherwise (the client left, the stream broke or contains an error, there is no report) the prompt by its estimate, and
 *   the tokens that arrived before the end. Audio whose duration is not reported counts by the size of the upload.
 *
 * A request has the price of the model that it named.
 * @param path as sent to the endpoint
 * @param promptEstimate undefined if none was made
 */
export function requestUse(
  { estimates, prices }: UseServices,
  context: UsedContext,
  record: RequestRecord,
  path: string,
  promptEstimate: number | undefined,
): RequestUse {
  const { model, promptTokens, completionTokens, answer } = record
  const { isInference, generates, hears } = operationUse(path)
  if (!isInference || !mayHaveUsed(context, record)) return nothing
  const hasTokens = promptTokens !== undefined && completionTokens !== undefined
  const seconds = hears ? answer?.audioSeconds : undefined
  if (hears && (hasTokens || seconds !== undefined)) {
    // Models that hear are billed by seconds or by tokens, and report what they are billed by.
    const use = {
      promptTokens: promptTokens ?? 0,
      cachedTokens: answer?.cachedTokens ?? 0,
      completionTokens: completionTokens ?? 0,
      audioSeconds: seconds ?? 0,
    }
    return usedBy(prices, model, use, false)
  }
  const isEstimated = !hasTokens || answer?.isCounted === true
  const use = {
    promptTokens: promptTokens ?? promptEstimate ?? estimates.promptTokensOf(model, record.requestBytes),
    cachedTokens: answer?.cachedTokens ?? 0,
    completionTokens: completionTokens ?? (generates ? unreported(context, record) : 0),
    audioSeconds: hears ? audioSecondsOf(record.requestBytes) : 0,
  }
  return usedBy(prices, model, use, isEstimated)
}

/** Names each field: a spread takes longer. */
function usedBy(
  prices: UseServices['prices'],
  model: string | undefined,
  use: PricedUse,
  isEstimated: boolean,
): RequestUse {
  const price = prices.of(model)
  return {
    promptTokens: use.promptTokens,
    cachedTokens: use.cachedTokens,
    completionTokens: use.completionTokens,
    audioSeconds: use.audioSeconds,
    cost: price === undefined ? undefined : costOf(price, use),
    isEstimated,
  }
}

function mayHaveUsed({ sentMs }: UsedContext, { status, outcome, promptTokens }: RequestRecord): boolean {
  if (promptTokens !== undefined) return true
  if (sentMs === undefined) return false
  return outcome === 'client_closed' || outcome === 'cancelled' || (status !== undefined && status < 400)
}

/** Of a stream, events are counted, so one without a count has generated nothing. */
function unreported({ isStream }: UsedContext, { status, responseBytes }: RequestRecord): number {
  if (isStream !== false || status === undefined || status >= 400) return 0
  return Math.ceil(responseBytes / bytesPerToken)
}
