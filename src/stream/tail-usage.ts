/** Token counts that an endpoint reported at the end of its answer. */
export interface TokenUsage {
  readonly promptTokens: number | undefined
  readonly completionTokens: number | undefined
}

/** How much of the end of an answer is looked at. Usage objects with all their details stay below it. */
export const usageTailBytes = 4096

const promptKeys = ['"prompt_tokens"', '"input_tokens"', '"prompt_eval_count"'] as const
const completionKeys = ['"completion_tokens"', '"output_tokens"', '"eval_count"'] as const

/**
 * Reads the token counts from the last bytes of an answer (JSON, SSE or NDJSON; OpenAI, Anthropic or Ollama
 * names): the last occurrence of each name wins. Anthropic reports input tokens at the start of a stream, so
 * `promptTokens` may be missing there.
 */
export function readTailUsage(tail: Buffer): TokenUsage | undefined {
  const promptTokens = lastNumber(tail, promptKeys)
  const completionTokens = lastNumber(tail, completionKeys)
  if (promptTokens === undefined && completionTokens === undefined) return undefined
  return { promptTokens, completionTokens }
}

function lastNumber(tail: Buffer, keys: readonly string[]): number | undefined {
  for (const key of keys) {
    const at = tail.lastIndexOf(key, undefined, 'latin1')
    if (at < 0) continue
    const text = tail.toString('latin1', at + key.length, at + key.length + 24)
    const match = /^\s*:\s*(\d{1,15})(?!\d)/.exec(text)
    if (match?.[1] !== undefined) return Number(match[1])
  }
  return undefined
}
