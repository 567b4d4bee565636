import { asText, type JsonObject } from '../../../../kernel/json/json-fields.ts'
import type { StopReason } from '../../../hub/contract/answer.ts'

const byFinishReason: Readonly<Record<string, StopReason>> = {
  length: 'length',
  max_tokens: 'length',
  model_length: 'context_full',
  content_filter: 'filtered',
  refusal: 'filtered',
}

const atEnd = { reason: 'end', stopSequence: null } as const

/**
 * Why an answer ended.
 * @param choice with `finish_reason`; vLLM and SGLang add the matching stop sequence
 * @param stopSequences of the request
 */
export function readFinish(
  choice: JsonObject,
  stopSequences: readonly string[],
): { readonly reason: StopReason; readonly stopSequence: string | null } {
  const known = byFinishReason[asText(choice.finish_reason) ?? '']
  if (known !== undefined) return { reason: known, stopSequence: null }
  if (choice.stop_reason === undefined && choice.matched_stop === undefined) return atEnd
  const met = [choice.stop_reason, choice.matched_stop].find(
    (value): value is string => typeof value === 'string' && stopSequences.includes(value),
  )
  return met === undefined
    ? { reason: 'end', stopSequence: null }
    : { reason: 'stop_sequence', stopSequence: met }
}
