import { isObject, type JsonObject, numberField, objectField } from '../../../../kernel/json/json-fields.ts'
import type { Usage } from '../../../hub/contract/answer.ts'

/** Reads `usage` of any of OpenAI's answers; undefined if the endpoint has not counted. */
export function readChatUsage(value: unknown): Usage | undefined {
  if (!isObject(value)) return undefined
  const prompt = numberField(value, 'prompt_tokens') ?? numberField(value, 'input_tokens')
  const completion = numberField(value, 'completion_tokens') ?? numberField(value, 'output_tokens')
  if (prompt === undefined && completion === undefined) return undefined
  const details =
    objectField(value, 'completion_tokens_details') ?? objectField(value, 'output_tokens_details')
  return {
    promptTokens: prompt ?? 0,
    cachedTokens: cachedTokens(value),
    cacheWriteTokens: 0,
    completionTokens: completion ?? 0,
    reasoningTokens: details === undefined ? undefined : numberField(details, 'reasoning_tokens'),
  }
}

/** OpenAI, vLLM, SGLang and llama.cpp nest the field; DeepSeek's relatives put it beside the others. */
function cachedTokens(usage: JsonObject): number {
  const details = objectField(usage, 'prompt_tokens_details') ?? objectField(usage, 'input_tokens_details')
  return (
    (details === undefined ? undefined : numberField(details, 'cached_tokens')) ??
    numberField(usage, 'prompt_cache_hit_tokens') ??
    numberField(usage, 'cached_tokens') ??
    0
  )
}
