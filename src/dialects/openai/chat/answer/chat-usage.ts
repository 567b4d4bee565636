import { asNumber, asObject, isObject, type JsonObject } from '../../../../kernel/json/json-fields.ts'
import type { Usage } from '../../../hub/contract/answer.ts'

/** Reads `usage` of any of OpenAI's answers; undefined if the endpoint has not counted. */
export function readChatUsage(value: unknown): Usage | undefined {
  if (!isObject(value)) return undefined
  const prompt = asNumber(value.prompt_tokens) ?? asNumber(value.input_tokens)
  const completion = asNumber(value.completion_tokens) ?? asNumber(value.output_tokens)
  if (prompt === undefined && completion === undefined) return undefined
  const details = asObject(value.completion_tokens_details) ?? asObject(value.output_tokens_details)
  return {
    promptTokens: prompt ?? 0,
    cachedTokens: cachedTokens(value),
    cacheWriteTokens: 0,
    completionTokens: completion ?? 0,
    reasoningTokens: asNumber(details?.reasoning_tokens),
  }
}

/** OpenAI, vLLM, SGLang and llama.cpp nest the field; DeepSeek's relatives put it beside the others. */
function cachedTokens(usage: JsonObject): number {
  const details = asObject(usage.prompt_tokens_details) ?? asObject(usage.input_tokens_details)
  return (
    asNumber(details?.cached_tokens) ??
    asNumber(usage.prompt_cache_hit_tokens) ??
    asNumber(usage.cached_tokens) ??
    0
  )
}
