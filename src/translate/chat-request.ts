import { assistantMessage } from './assistant-turn.ts'
import type { ChatMessage, ChatTraits } from './chat-shape.ts'
import { isObject, type JsonObject, listField, objectField, textField } from './json-fields.ts'
import { systemText } from './system-text.ts'
import { offeredTools } from './tool-changes.ts'
import { chatToolChoice, chatTools } from './tools.ts'
import { readTurns } from './turns.ts'
import { userMessages } from './user-turn.ts'

/**
 * Writes an Anthropic Messages request as an OpenAI chat completion request (contract 10.2). Takes what clients
 * really send, sends only what OpenAI-compatible servers accept.
 * @param request checked by `readMessagesRequest`
 * @param model the endpoint's name for the model
 */
export function chatRequest(request: JsonObject, model: string, traits: ChatTraits): JsonObject {
  const messages = chatMessages(request, traits)
  const tools = chatTools(offeredTools(request))
  const isStream = request.stream === true
  return {
    model,
    messages,
    ...(tools.length === 0 ? {} : { tools, ...chatToolChoice(request.tool_choice) }),
    ...(isStream ? { stream: true, stream_options: { include_usage: true } } : {}),
    ...given('max_tokens', request.max_tokens),
    ...given('temperature', request.temperature),
    ...given('top_p', request.top_p),
    ...given('top_k', request.top_k),
    ...stops(request),
    ...given('user', textField(objectField(request, 'metadata') ?? {}, 'user_id')),
    ...responseFormat(request),
    ...thinkingSwitch(request, traits),
    ...(messages.at(-1)?.role === 'assistant' && traits.continuesMessages
      ? { add_generation_prompt: false, continue_final_message: true }
      : {}),
  }
}

export function chatMessages(request: JsonObject, traits: ChatTraits): ChatMessage[] {
  const { preface, turns } = readTurns(listField(request, 'messages'))
  const system = systemText(request.system, preface)
  const messages: ChatMessage[] = system === '' ? [] : [{ role: 'system', content: system }]
  let callIds: readonly string[] = []
  for (const { role, blocks } of turns) {
    if (role === 'user') {
      messages.push(...userMessages(blocks, callIds, traits))
      callIds = []
    } else {
      const assistant = assistantMessage(blocks, traits)
      messages.push(assistant.message)
      callIds = assistant.callIds
    }
  }
  return messages
}

function given(key: string, value: unknown): JsonObject {
  return value === undefined || value === null ? {} : { [key]: value }
}

function stops(request: JsonObject): JsonObject {
  const stop = listField(request, 'stop_sequences').filter((each) => typeof each === 'string' && each !== '')
  return stop.length === 0 ? {} : { stop }
}

/** Structured outputs: `output_config.format`, and `output_format` as it was first called. */
function responseFormat(request: JsonObject): JsonObject {
  const format = objectField(objectField(request, 'output_config') ?? {}, 'format') ?? request.output_format
  if (!isObject(format) || format.type !== 'json_schema' || !isObject(format.schema)) return {}
  const schema = { name: textField(format, 'name') ?? 'output', schema: format.schema, strict: true }
  return { response_format: { type: 'json_schema', json_schema: schema } }
}

/**
 * Servers turn thinking on by themselves where a model has it, and some refuse an effort for a model that has
 * none: so `reasoning_effort` only ever turns it off. A template that knows no such argument ignores it.
 */
function thinkingSwitch(request: JsonObject, { thinkingSwitch: how }: ChatTraits): JsonObject {
  const type = textField(objectField(request, 'thinking') ?? {}, 'type')
  if (type === undefined || how === 'none') return {}
  const isOff = type === 'disabled'
  if (how === 'chat_template_kwargs') return { chat_template_kwargs: { enable_thinking: !isOff } }
  return isOff ? { reasoning_effort: 'none' } : {}
}
