import { createHash } from 'node:crypto'
import type { ChatMessage, ChatTraits } from '../../../../endpoints/profiles/chat-shape.ts'
import {
  isObject,
  type JsonObject,
  listField,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'
import { originalNames, shortName } from '../../../hub/parts/tool-names.ts'
import { assistantMessage, type MadeCall } from './assistant-turn.ts'
import { systemText } from './system-text.ts'
import { offeredTools } from './tool-changes.ts'
import { chatToolChoice, chatTools, toolNameOf } from './tools.ts'
import { readTurns } from './turns.ts'
import { userMessages } from './user-turn.ts'

/** A chat request, and what translating its answer requires. */
export interface ChatTranslation {
  readonly chat: JsonObject
  /** IDs of the tool calls in the history, as the client knows them. */
  readonly callIds: readonly string[]
  /** Names of the tools as sent to the endpoint. */
  readonly toolNames: readonly string[]
  /** The client's names of shortened tool names. */
  readonly originalNames: ReadonlyMap<string, string> | undefined
}

/** Longest `user` that OpenAI accepts; Claude Code sends 150 characters and more. */
const maxUserLength = 64

/** Effort levels mapped to those that every server accepts; vLLM and SGLang reject others. */
const efforts: Readonly<Record<string, string>> = {
  low: 'low',
  medium: 'medium',
  high: 'high',
  xhigh: 'high',
  max: 'high',
}

/**
 * Translates an Anthropic Messages request to an OpenAI chat completion request (contract 10.2). It accepts what
 * clients send in practice, and sends only what OpenAI-compatible servers accept.
 * @param request validated by `readMessagesRequest`
 * @param model the endpoint's name for the model
 */
export function translateRequest(request: JsonObject, model: string, traits: ChatTraits): ChatTranslation {
  const callIds: string[] = []
  const messages = chatMessages(request, traits, callIds)
  const tools = chatTools(offeredTools(request), traits.maxToolNameLength)
  const toolNames = tools.map(toolNameOf)
  const names = tools.length === 0 ? undefined : clientNames(request, traits)
  const isStream = request.stream === true
  const chat = {
    model,
    messages,
    ...(tools.length === 0 ? {} : { tools, ...toolChoice(request, toolNames, traits) }),
    ...(isStream ? { stream: true, stream_options: { include_usage: true } } : {}),
    ...optional('max_tokens', request.max_tokens),
    ...optional('temperature', request.temperature),
    ...optional('top_p', request.top_p),
    ...optional('top_k', request.top_k),
    ...stops(request),
    ...optional('user', userOf(request)),
    ...responseFormat(request),
    ...thinkingFields(request, traits),
    ...(messages.at(-1)?.role === 'assistant' && traits.continuesMessages
      ? { add_generation_prompt: false, continue_final_message: true }
      : {}),
  }
  return { chat, callIds, toolNames, originalNames: names }
}

/** Only the chat request of the translation. */
export function chatRequest(request: JsonObject, model: string, traits: ChatTraits): JsonObject {
  return translateRequest(request, model, traits).chat
}

/** @param callIds receives the IDs of the calls as the client knows them */
function chatMessages(request: JsonObject, traits: ChatTraits, callIds: string[]): ChatMessage[] {
  const { preface, turns } = readTurns(listField(request, 'messages'))
  const system = systemText(request.system, preface)
  const messages: ChatMessage[] = system === '' ? [] : [{ role: 'system', content: system }]
  let calls: readonly MadeCall[] = []
  for (const { role, blocks } of turns) {
    if (role === 'user') {
      for (const message of userMessages(blocks, calls, traits)) messages.push(message)
      calls = []
    } else {
      const assistant = assistantMessage(blocks, traits)
      messages.push(assistant.message)
      calls = assistant.calls
      for (const { id } of calls) callIds.push(id)
    }
  }
  return messages
}

function clientNames(
  request: JsonObject,
  { maxToolNameLength }: ChatTraits,
): ReadonlyMap<string, string> | undefined {
  if (maxToolNameLength === undefined) return undefined
  const names = offeredTools(request).flatMap((tool) =>
    isObject(tool) ? (textField(tool, 'name') ?? []) : [],
  )
  return originalNames(names, maxToolNameLength)
}

/** Dropping a tool also drops a choice of it, because servers reject unknown names. */
function toolChoice(request: JsonObject, toolNames: readonly string[], traits: ChatTraits): JsonObject {
  const { tool_choice: choice } = request
  const name = isObject(choice) && choice.type === 'tool' ? textField(choice, 'name') : undefined
  if (!isObject(choice) || name === undefined) return chatToolChoice(choice)
  const sent = shortName(name, traits.maxToolNameLength)
  return chatToolChoice(toolNames.includes(sent) ? { ...choice, name: sent } : { ...choice, type: 'auto' })
}

function optional(key: string, value: unknown): JsonObject {
  return value === undefined || value === null ? {} : { [key]: value }
}

function stops(request: JsonObject): JsonObject {
  const stop = listField(request, 'stop_sequences').filter((each) => typeof each === 'string' && each !== '')
  return stop.length === 0 ? {} : { stop }
}

/** Replaces a user ID that is too long with its hash, which still distinguishes users. */
function userOf(request: JsonObject): string | undefined {
  const id = textField(objectField(request, 'metadata') ?? {}, 'user_id')
  return id !== undefined && id.length > maxUserLength ? createHash('sha256').update(id).digest('hex') : id
}

/** Structured outputs: `output_config.format`, and its earlier name `output_format`. */
function responseFormat(request: JsonObject): JsonObject {
  const format = outputFormat(request)
  if (format === undefined || !isObject(format.schema)) return {}
  const schema = { name: textField(format, 'name') ?? 'output', schema: format.schema, strict: true }
  return { response_format: { type: 'json_schema', json_schema: schema } }
}

/** The required format of the answer; undefined if the request sets none. */
export function outputFormat(request: JsonObject): JsonObject | undefined {
  const format = objectField(objectField(request, 'output_config') ?? {}, 'format') ?? request.output_format
  return isObject(format) && format.type === 'json_schema' ? format : undefined
}

/**
 * Whether and how hard to think. Servers enable thinking by default for models that support it, and some reject an
 * effort for other models, so `reasoning_effort` is only used to turn thinking off. Templates ignore arguments that
 * they do not know.
 */
function thinkingFields(request: JsonObject, traits: ChatTraits): JsonObject {
  const type = textField(objectField(request, 'thinking') ?? {}, 'type')
  const isOff = type === 'disabled'
  const effort = isOff ? undefined : effortOf(request, traits)
  const template: JsonObject = {
    ...(type !== undefined && traits.thinkingSwitch === 'chat_template_kwargs'
      ? { enable_thinking: !isOff }
      : {}),
    ...(effort !== undefined && traits.effort === 'chat_template_kwargs' ? { reasoning_effort: effort } : {}),
  }
  const sent = isOff && traits.thinkingSwitch === 'reasoning_effort' ? 'none' : effort
  return {
    ...(Object.keys(template).length === 0 ? {} : { chat_template_kwargs: template }),
    ...optional('reasoning_effort', sent),
  }
}

function effortOf(request: JsonObject, { effort = 'none', isThinker }: ChatTraits): string | undefined {
  if (effort === 'none' || (effort === 'thinking_models' && isThinker !== true)) return undefined
  return efforts[textField(objectField(request, 'output_config') ?? {}, 'effort') ?? '']
}
