import { isObject, type JsonObject, numberField, objectField } from '../../../../kernel/json/json-fields.ts'
import type { MessageUsage } from '../shared/message-shape.ts'

/** Reads `usage` of a chat completion; undefined if the endpoint has not counted. */
export function readChatUsage(value: unknown): MessageUsage | undefined {
  if (!isObject(value)) return undefined
  const prompt = numberField(value, 'prompt_tokens') ?? numberField(value, 'input_tokens')
  const completion = numberField(value, 'completion_tokens') ?? numberField(value, 'output_tokens')
  if (prompt === undefined && completion === undefined) return undefined
  const cached = cachedTokens(value)
  return {
    inputTokens: Math.max(0, (prompt ?? 0) - cached),
    cacheReadTokens: cached,
    cacheCreationTokens: 0,
    outputTokens: completion ?? 0,
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
