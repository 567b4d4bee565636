import type { ChatTraits } from '../../../endpoints/profiles/chat-shape.ts'
import { GatewayError } from '../../../kernel/errors.ts'
import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { Conversation, Settings } from '../../hub/contract/conversation.ts'
import type { Fates } from '../../hub/contract/features.ts'
import type { FormatTarget, WrittenRequest } from '../../hub/format.ts'
import { orderTurns } from '../../hub/parts/ordered-turns.ts'

/** The API has one prompt and no turns, so it expresses only what a text can say. */
export const completionsFates: Fates = {
  max_tokens: 'kept',
  temperature: 'kept',
  top_p: 'kept',
  top_k: 'kept',
  min_p: 'kept',
  seed: 'kept',
  stop: 'kept',
  presence_penalty: 'kept',
  frequency_penalty: 'kept',
  repeat_penalty: 'mapped',
  logit_bias: 'kept',
  logprobs: 'mapped',
  completion_logprobs: 'kept',
  choices: 'refused',
  best_of: 'refused',
  json_mode: 'refused',
  json_schema: 'refused',
  grammar: 'refused',
  audio_output: 'refused',
  stream_usage: 'kept',
  system: 'mapped',
  developer: 'mapped',
  image_url: 'refused',
  image_data: 'refused',
  file_id: 'refused',
  audio_input: 'refused',
  video_input: 'refused',
  document_data: 'refused',
  document_url: 'refused',
  citations: 'refused',
  prefill: 'mapped',
  tools: 'refused',
  custom_tools: 'refused',
  hosted_tools: 'refused',
  tool_namespaces: 'refused',
  tool_choice: 'refused',
  named_tool: 'refused',
  allowed_tools: 'refused',
  tool_result_image: 'refused',
  tool_result_error: 'refused',
  plain_prompt: 'kept',
  raw_prompt: 'kept',
  prompt_template: 'refused',
  several_prompts: 'refused',
  token_prompt: 'refused',
  suffix: 'kept',
  echo: 'refused',
  context_tokens: 'refused',
  user: 'kept',
  previous_response: 'refused',
  background: 'refused',
  web_search: 'refused',
  moderation: 'refused',
}

/**
 * Writes a request for an endpoint that has only `/v1/completions`: a prompt, or a system prompt and one question.
 * @throws GatewayError invalid_request if the conversation has more turns, because only the model's own template, which
 * such an endpoint does not apply, can express them
 */
export function writeCompletionsRequest(
  conversation: Conversation,
  { model, traits }: FormatTarget,
): WrittenRequest {
  const { settings, isStream } = conversation
  const body: JsonObject = {
    model,
    prompt: promptOf(conversation),
    ...(isStream ? { stream: true, stream_options: { include_usage: true } } : {}),
    ...samplingOf(settings, traits.repeatPenalty),
    ...optional('suffix', settings.suffix),
    ...optional('logprobs', settings.logprobs),
    ...optional('user', settings.user),
  }
  return { body, toolNames: [] }
}

function promptOf(conversation: Conversation): string {
  const turns = orderTurns(conversation.turns)
  const system = turns.flatMap((turn) => (turn.role === 'system' ? turn.text : []))
  const [question, start, ...others] = turns.filter(({ role }) => role !== 'system')
  const isContinued = conversation.settings.continuesAnswer === true && start?.role === 'assistant'
  if (question?.role !== 'user' || others.length > 0 || (start !== undefined && !isContinued)) refuseTurns()
  const texts = [...system, textOf(question.parts)]
  if (isContinued) texts.push(textOf(start.parts))
  return texts.join('\n\n')
}

function textOf(parts: readonly { readonly kind: string; readonly text?: string }[]): string {
  return parts.flatMap((part) => (part.kind === 'text' ? (part.text ?? '') : [])).join('\n\n')
}

function refuseTurns(): never {
  throw new GatewayError(
    'invalid_request',
    'messages: the endpoints of this model only complete a prompt, so a conversation must be one message',
  )
}

function samplingOf(settings: Settings, repeatPenalty: ChatTraits['repeatPenalty'] = 'none'): JsonObject {
  const isExtended = repeatPenalty !== 'none'
  return {
    ...optional('max_tokens', settings.maxTokens),
    ...optional('temperature', settings.temperature),
    ...optional('top_p', settings.topP),
    ...optional('top_k', settings.topK),
    ...(isExtended ? optional('min_p', settings.minP) : {}),
    ...optional('seed', settings.seed),
    ...optional('stop', settings.stop),
    ...optional('presence_penalty', settings.presencePenalty),
    ...optional('frequency_penalty', settings.frequencyPenalty),
    ...(isExtended ? optional(repeatPenalty, settings.repeatPenalty) : {}),
    ...optional('logit_bias', settings.logitBias),
  }
}

function optional(key: string, value: unknown): JsonObject {
  return value === undefined ? {} : { [key]: value }
}
