import type { JsonObject } from './request.ts'

const maxAlternatives = 20

/** One token in the form of OpenAI's chats, Ollama and llama.cpp. */
export function tokenLogprob(token: string, alternatives: number): JsonObject {
  const tokens = [token, ...Array.from({ length: alternatives }, (_, index) => `${token}${index + 1}`)]
  const top = tokens
    .slice(0, alternatives)
    .map((each, index) => ({ token: each, logprob: -(index + 1) / 8, bytes: bytesOf(each) }))
  return { token, logprob: -1 / 8, bytes: bytesOf(token), top_logprobs: top }
}

/**
 * The number of alternatives that a request wants; undefined if it wants no logprobs.
 * @param wants `logprobs: true` of most APIs
 */
export function wantedLogprobs(wants: unknown, alternatives: unknown): number | undefined {
  if (wants !== true) return undefined
  return typeof alternatives === 'number' ? Math.min(Math.max(0, alternatives), maxAlternatives) : 0
}

/** Tokens in the form of OpenAI's legacy completions. */
export function completionLogprobs(tokens: readonly string[], alternatives: number, from = 0): JsonObject {
  let offset = from
  const textOffset = tokens.map((token) => {
    const at = offset
    offset += token.length
    return at
  })
  const top = tokens.map((token) =>
    Object.fromEntries(
      Array.from({ length: alternatives }, (_, index) => [
        index === 0 ? token : `${token}${index}`,
        -(index + 1) / 8,
      ]),
    ),
  )
  return {
    tokens,
    token_logprobs: tokens.map(() => -1 / 8),
    top_logprobs: top,
    text_offset: textOffset,
  }
}

function bytesOf(token: string): number[] {
  return [...Buffer.from(token)]
}
