import { type Static, Type } from '@sinclair/typebox'
import type { Estimate } from '../../routing/estimate/estimate.ts'
import { Count, Milliseconds } from './fields.ts'

export const EstimateField = Type.Object(
  {
    total_ms: Milliseconds('Expected time to the first token: the sum of the parts.'),
    waiting_ms: Milliseconds('Until the engine begins with the request.'),
    prefill_ms: Milliseconds('Computing the part of the prompt that is not in its prefix cache.'),
    load_ms: Milliseconds('Loading the model.'),
    decode_ms: Milliseconds('Because the engine generates other answers, or its KV cache is full.'),
    prompt_tokens: Count('Estimated.'),
    cached_tokens: Count('Those that are in its prefix cache, as far as the gateway knows.'),
    confidence: Type.Number({
      minimum: 0,
      maximum: 1,
      description: '0 is a guess without data.',
    }),
  },
  { description: 'Estimated time to the first token (beyond Olla).' },
)

export type EstimateView = Static<typeof EstimateField>

export function estimateView(estimate: Estimate): EstimateView {
  const { totalMs, terms, promptTokens, cachedTokens, confidence } = estimate
  return {
    total_ms: Math.round(totalMs),
    waiting_ms: Math.round(terms.waitingMs),
    prefill_ms: Math.round(terms.prefillMs),
    load_ms: Math.round(terms.loadMs),
    decode_ms: Math.round(terms.decodeMs),
    prompt_tokens: Math.round(promptTokens),
    cached_tokens: Math.round(cachedTokens),
    confidence: Math.round(confidence * 100) / 100,
  }
}
