import type { AnswerEnding, StopReason, Usage } from '../../../hub/contract/answer.ts'
import type { Tool } from '../../../hub/contract/conversation.ts'
import type { FormatCall } from '../../../hub/format.ts'
import { usesFunctions } from '../request/read-request.ts'

/** What the writers of a chat completion know of its request. */
export interface ChatCall {
  readonly requestId: string
  /** Unix time in seconds. */
  readonly created: number
  readonly newId: (prefix: string) => string
  /** Names of the tools whose input is free text. */
  readonly customTools: ReadonlySet<string>
  /** Whether the client uses `functions`, so that it expects one `function_call`. */
  readonly usesFunctions: boolean
  readonly hasLogprobs: boolean
  /** Whether the client does not want to see the thinking. */
  readonly hidesThinking: boolean
  /** Whether a stream ends with the usage. */
  readonly hasUsage: boolean
}

const noTools: ReadonlySet<string> = new Set()

export function chatCall({ conversation, request, requestId, newId, nowMs }: FormatCall): ChatCall {
  const { tools, settings } = conversation
  return {
    requestId,
    created: Math.floor(nowMs() / 1_000),
    newId,
    customTools: tools.length === 0 ? noTools : customNames(tools),
    usesFunctions: usesFunctions(request),
    hasLogprobs: settings.logprobs !== undefined,
    hidesThinking: settings.thinking?.isShown === false,
    hasUsage: settings.streamUsage === true,
  }
}

function customNames(tools: readonly Tool[]): ReadonlySet<string> {
  return new Set(tools.flatMap((tool) => (tool.kind === 'custom' ? tool.name : [])))
}

/** The endpoint's ID, if it is one of this API, or a new one in the same form. */
export function completionId(
  prefix: string,
  endpointId: string | undefined,
  newId: (prefix: string) => string,
): string {
  return endpointId?.startsWith(`${prefix}-`) === true ? endpointId : newId(prefix).replace('_', '-')
}

/** `usage` on the wire. Details that the endpoint does not report are left out. */
export function chatUsage(usage: Usage): object {
  const { promptTokens, cachedTokens, cacheWriteTokens, completionTokens, reasoningTokens } = usage
  const written: Record<string, unknown> = {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details:
      cacheWriteTokens > 0
        ? { cached_tokens: cachedTokens, cache_write_tokens: cacheWriteTokens }
        : { cached_tokens: cachedTokens },
  }
  if (reasoningTokens !== undefined) written.completion_tokens_details = { reasoning_tokens: reasoningTokens }
  return written
}

const reasons: Readonly<Record<StopReason, string>> = {
  end: 'stop',
  length: 'length',
  stop_sequence: 'stop',
  calls: 'tool_calls',
  filtered: 'content_filter',
  context_full: 'length',
}

export function finishReason({ reason }: AnswerEnding, isFunctionCall: boolean): string {
  return reason === 'calls' && isFunctionCall ? 'function_call' : reasons[reason]
}

/**
 * Thinking with the signature without which its endpoint does not accept it in the next request, in the form in which
 * OpenRouter's clients return it.
 */
export function signedThinking(text: string, signature: string, index: number): object {
  return { type: 'reasoning.text', text, signature, index }
}
