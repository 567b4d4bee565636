import { isObject, type JsonObject, listField } from '../../../kernel/json/json-fields.ts'
import type { TokenLogprob } from '../../hub/contract/answer.ts'
import { tokenLogprobs } from '../chat/answer/read-answer.ts'

/** Log probabilities in the form of this API: parallel lists. */
export interface CompletionLogprobs {
  readonly tokens: string[]
  readonly token_logprobs: number[]
  readonly top_logprobs: Record<string, number>[]
  /** Where each token starts in the text. */
  readonly text_offset: number[]
}

/** Reads `logprobs` of a choice; llama.cpp uses the form of chats. */
export function readCompletionLogprobs(value: unknown): readonly TokenLogprob[] | undefined {
  if (!isObject(value)) return undefined
  const logprobs = listField(value, 'token_logprobs')
  const tops = listField(value, 'top_logprobs')
  const read: TokenLogprob[] = []
  listField(value, 'tokens').forEach((token, index) => {
    const logprob = logprobs[index]
    if (typeof token !== 'string' || typeof logprob !== 'number') return
    read.push({ token, logprob, bytes: null, top_logprobs: topList(tops[index]) })
  })
  return read.length === 0 ? tokenLogprobs(value) : read
}

function topList(top: unknown): JsonObject[] {
  if (!isObject(top)) return []
  return Object.entries(top).map(([token, logprob]) => ({ token, logprob, bytes: null }))
}

/** Collects log probabilities, with the offsets of their tokens in the text of the answer. */
export class LogprobLists {
  #offset = 0

  /** The next tokens in the form of this API. */
  next(logprobs: readonly TokenLogprob[]): CompletionLogprobs {
    const lists = emptyLists()
    for (const { token, logprob, top_logprobs } of logprobs) {
      lists.tokens.push(token)
      lists.token_logprobs.push(logprob)
      lists.top_logprobs.push(topRecord(top_logprobs))
      lists.text_offset.push(this.#offset)
      this.#offset += token.length
    }
    return lists
  }
}

function emptyLists(): CompletionLogprobs {
  return { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] }
}

function topRecord(top: readonly JsonObject[]): Record<string, number> {
  const pairs: [string, number][] = []
  for (const { token, logprob } of top) {
    if (typeof token === 'string' && typeof logprob === 'number') pairs.push([token, logprob])
  }
  return Object.fromEntries(pairs)
}
