import type { Conversation } from '../../../hub/contract/conversation.ts'
import type { FormatTarget, WrittenRequest } from '../../../hub/format.ts'
import { chatMessages } from './write-messages.ts'
import { type OpenBody, putSettings } from './write-settings.ts'
import { chatTools } from './write-tools.ts'

/** Writes an OpenAI chat completion request that contains only what OpenAI-compatible servers accept. */
export function writeChatRequest(
  conversation: Conversation,
  { model, traits }: FormatTarget,
): WrittenRequest {
  const { turns, settings, isStream } = conversation
  const messages = chatMessages(turns, traits)
  const body: OpenBody = { model, messages }
  const { tools, toolNames, originalNames, choice } = chatTools(conversation, traits)
  if (tools.length > 0) {
    body.tools = tools
    if (choice !== undefined) body.tool_choice = choice
    if (settings.parallelCalls !== undefined) body.parallel_tool_calls = settings.parallelCalls
  }
  if (isStream) {
    body.stream = true
    body.stream_options = { include_usage: true }
  }
  putSettings(body, settings, traits)
  if (
    settings.continuesAnswer === true &&
    traits.continuesMessages &&
    messages.at(-1)?.role === 'assistant'
  ) {
    body.add_generation_prompt = false
    body.continue_final_message = true
  }
  return { body, toolNames, originalNames }
}
