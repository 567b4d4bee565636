import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import type { Conversation } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { readSettings } from './read-settings.ts'
import { readToolChoice, readTools } from './read-tools.ts'
import { readTurns } from './read-turns.ts'

/**
 * Reads a request of the Anthropic Messages API (contract 10.2) leniently, because clients deviate from its schema.
 * @param request parsed by `parseRequest`, which limits its nesting, and checked by `checkMessagesFrame`
 * @throws GatewayError invalid_request
 */
export function readMessages(request: JsonObject): Conversation {
  const uses = new Set<Feature>()
  const turns = readTurns(request, uses)
  const tools = readTools(request, uses)
  const { choice, parallelCalls } = readToolChoice(request.tool_choice, uses)
  const continuesAnswer = turns.at(-1)?.role === 'assistant'
  return {
    turns,
    tools,
    toolChoice: choice,
    settings: readSettings(request, uses, parallelCalls, continuesAnswer),
    isStream: request.stream === true,
    uses,
  }
}
