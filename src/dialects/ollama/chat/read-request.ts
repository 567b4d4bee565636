import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { Conversation, Turn } from '../../hub/contract/conversation.ts'
import type { Feature } from '../../hub/contract/features.ts'
import { refuse, wantsStream } from '../parts/read-fields.ts'
import { readSettings } from '../parts/read-settings.ts'
import { readTools } from '../parts/read-tools.ts'
import { readMessages } from './read-messages.ts'

/**
 * Reads a request to `/api/chat`. One without messages loads or unloads the model; see `ollamaLoadRequest`.
 * @throws GatewayError invalid_request that names the field
 */
export function readOllamaChatRequest(request: JsonObject): Conversation {
  const { messages } = request
  if (!Array.isArray(messages) || messages.length === 0) refuse('messages: must be a list of messages')
  const uses = new Set<Feature>()
  const turns = readMessages(messages, uses)
  const tools = readTools(request, uses)
  const settings = readSettings(request, uses)
  const continuesAnswer = isPrefill(turns.at(-1))
  if (continuesAnswer) uses.add('prefill')
  return {
    turns,
    tools,
    toolChoice: undefined,
    settings: continuesAnswer ? { ...settings, continuesAnswer } : settings,
    isStream: wantsStream(request),
    uses,
  }
}

function isPrefill(last: Turn | undefined): boolean {
  return last?.role === 'assistant' && last.parts.every(({ kind }) => kind !== 'call')
}
