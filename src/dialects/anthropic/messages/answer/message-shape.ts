import type { AnswerEnding, StopReason, Usage } from '../../../hub/contract/answer.ts'
import type { RequestSize } from '../../errors/context-sentence.ts'

/** What the writers of a message know of its request. */
export interface MessageCall {
  /** `msg_…` */
  readonly messageId: string
  /** For errors. */
  readonly requestId: string
  /** For errors. */
  readonly size?: RequestSize | undefined
}

/** `usage` on the wire: `input_tokens` excludes cached tokens. */
export function usageFields({ promptTokens, cachedTokens, cacheWriteTokens, completionTokens }: Usage) {
  return {
    input_tokens: Math.max(0, promptTokens - cachedTokens - cacheWriteTokens),
    cache_creation_input_tokens: cacheWriteTokens,
    cache_read_input_tokens: cachedTokens,
    output_tokens: completionTokens,
  }
}

const reasons: Readonly<Record<StopReason, string>> = {
  end: 'end_turn',
  length: 'max_tokens',
  stop_sequence: 'stop_sequence',
  calls: 'tool_use',
  filtered: 'refusal',
  context_full: 'model_context_window_exceeded',
}

/** `stop_reason` and `stop_sequence` on the wire. */
export function messageStop({ reason, stopSequence }: AnswerEnding) {
  return { stop_reason: reasons[reason], stop_sequence: stopSequence }
}
