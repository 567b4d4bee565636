import { isObject, type JsonObject, listField } from '../../../kernel/json/json-fields.ts'
import type { TokenLogprob } from '../../hub/contract/answer.ts'

/** Log probabilities as Ollama's API has them: absent where OpenAI's has null or an empty list. */
export function ollamaLogprobs(logprobs: readonly TokenLogprob[]): JsonObject[] {
  return logprobs.map((each) => {
    const top = each.top_logprobs.map(ollamaToken)
    return { ...ollamaToken({ ...each }), ...(top.length === 0 ? {} : { top_logprobs: top }) }
  })
}

function ollamaToken({ token, logprob, bytes }: JsonObject): JsonObject {
  return { token, logprob, ...(Array.isArray(bytes) && bytes.length > 0 ? { bytes } : {}) }
}

/** @returns undefined if the line has none */
export function readLogprobs(value: unknown): TokenLogprob[] | undefined {
  if (!Array.isArray(value)) return undefined
  const read: TokenLogprob[] = []
  for (const each of value) {
    if (!isObject(each) || typeof each.token !== 'string' || typeof each.logprob !== 'number') continue
    read.push({
      token: each.token,
      logprob: each.logprob,
      bytes: bytesOf(each),
      top_logprobs: listField(each, 'top_logprobs')
        .filter(isObject)
        .map((top) => ({ token: top.token, logprob: top.logprob, bytes: bytesOf(top) })),
    })
  }
  return read.length === 0 ? undefined : read
}

function bytesOf({ bytes }: JsonObject): number[] | null {
  return Array.isArray(bytes) ? bytes.filter((byte): byte is number => typeof byte === 'number') : null
}
