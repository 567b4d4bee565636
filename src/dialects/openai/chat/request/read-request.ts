import { isObject, type JsonObject, listField, numberField } from '../../../../kernel/json/json-fields.ts'
import type { Conversation, Settings, Tool, Turn } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { booleanOf, integerOf, objectOf, refuse, textOf } from './field-values.ts'
import { readFormat } from './read-format.ts'
import { readMessages } from './read-messages.ts'
import { readSettings } from './read-settings.ts'
import { readThinking } from './read-thinking.ts'
import { readToolChoice, readTools } from './read-tools.ts'
import { chatFields, noteFields } from './request-fields.ts'

/**
 * Reads a Chat Completions request, with the fields that clients of inference servers add and in the shapes that they
 * send.
 * @throws GatewayError invalid_request that names the field
 */
export function readChatRequest(request: JsonObject): Conversation {
  try {
    return read(request)
  } catch (error) {
    // Serializing arguments that are nested too deeply overflows the stack.
    if (error instanceof RangeError) return refuse('messages', 'are nested too deeply')
    throw error
  }
}

function read(request: JsonObject): Conversation {
  const uses = new Set<Feature>()
  noteFields(request, chatFields, uses)
  const turns = readMessages(request.messages, uses)
  const tools = readTools(request, uses)
  const toolChoice = readToolChoice(request, tools, uses)
  const settings: Settings = {
    ...readSettings(request, uses, 1),
    logprobs: readLogprobs(request, uses),
    format: readFormat(request, uses),
    thinking: readThinking(request, uses),
    verbosity: textOf(request, 'verbosity'),
    parallelCalls: readParallelCalls(request, tools, uses),
    metadata: objectOf(request, 'metadata'),
    serviceTier: textOf(request, 'service_tier'),
    continuesAnswer: readContinuation(request, turns, uses),
  }
  // Without audio in the answer its voice means nothing.
  if (listField(request, 'modalities').includes('audio')) uses.add('audio_output')
  return { turns, tools, toolChoice, settings, isStream: booleanOf(request, 'stream') === true, uses }
}

/** `logprobs` is a switch here, and a number in the older API. */
function readLogprobs(request: JsonObject, uses: Set<Feature>): number | undefined {
  const top = integerOf(request, 'top_logprobs')
  const count = numberField(request, 'logprobs')
  const isOn = count === undefined ? (booleanOf(request, 'logprobs') ?? (top ?? 0) > 0) : true
  if (!isOn) return undefined
  uses.add('logprobs')
  return Math.max(0, top ?? count ?? 0)
}

/** Clients of `functions` understand only one call in an answer. */
function readParallelCalls(
  request: JsonObject,
  tools: readonly Tool[],
  uses: Set<Feature>,
): boolean | undefined {
  const isAllowed = booleanOf(request, 'parallel_tool_calls')
  if (tools.length === 0) return undefined
  if (isAllowed === false) uses.add('parallel_tool_calls')
  return isAllowed ?? (usesFunctions(request) ? false : undefined)
}

/** Whether a request uses `functions`, so that its answer has a `function_call`. */
export function usesFunctions(request: JsonObject): boolean {
  return listField(request, 'tools').length === 0 && listField(request, 'functions').length > 0
}

/** vLLM's and SGLang's fields, `prefix` of DeepSeek and Mistral, `partial` of Moonshot. */
function readContinuation(
  request: JsonObject,
  turns: readonly Turn[],
  uses: Set<Feature>,
): boolean | undefined {
  const last = listField(request, 'messages').at(-1)
  const isMarked = isObject(last) && (last.prefix === true || last.partial === true)
  const isContinued = booleanOf(request, 'continue_final_message') === true || isMarked
  if (!isContinued || turns.at(-1)?.role !== 'assistant') return undefined
  uses.add('prefill')
  return true
}
