import { type JsonObject, textField } from '../../../../kernel/json/json-fields.ts'
import type { MessageEnding } from '../shared/message-shape.ts'

type Stop = Pick<MessageEnding, 'stopReason' | 'stopSequence'>

const byFinishReason: Readonly<Record<string, Stop['stopReason']>> = {
  length: 'max_tokens',
  max_tokens: 'max_tokens',
  model_length: 'model_context_window_exceeded',
  content_filter: 'refusal',
  refusal: 'refusal',
}

/** Values that report a failure of the endpoint. */
const broken: ReadonlySet<string> = new Set(['error', 'abort', 'aborted', 'cancelled', 'network_error'])

/** Whether a `finish_reason` reports an incomplete answer. */
export function isBrokenFinish(reason: string): boolean {
  return broken.has(reason)
}

/**
 * Why a message ended.
 * @param choice with `finish_reason`; vLLM and SGLang add the matching stop sequence
 * @param hasToolUse some servers report `stop` for tool calls
 * @param stopSequences of the request
 */
export function readStop(choice: JsonObject, hasToolUse: boolean, stopSequences: readonly string[]): Stop {
  const known = byFinishReason[textField(choice, 'finish_reason') ?? '']
  if (known !== undefined) return { stopReason: known, stopSequence: null }
  if (hasToolUse) return { stopReason: 'tool_use', stopSequence: null }
  const met = [choice.stop_reason, choice.matched_stop].find(
    (value): value is string => typeof value === 'string' && stopSequences.includes(value),
  )
  return met === undefined
    ? { stopReason: 'end_turn', stopSequence: null }
    : { stopReason: 'stop_sequence', stopSequence: met }
}
