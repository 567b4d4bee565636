import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import type { Conversation, Turn } from '../../../hub/contract/conversation.ts'
import type { Feature } from '../../../hub/contract/features.ts'
import { booleanOf, refuse, textOf } from '../../chat/request/field-values.ts'
import { ItemReader } from './read-items.ts'
import { readServerFields, readSettings } from './read-settings.ts'
import { readToolChoice } from './read-tool-choice.ts'
import { ToolReader } from './read-tools.ts'
import { given, listOf } from './request-values.ts'

/** What each field of a request to the Responses API is. */
export const responsesFields: Readonly<Record<string, Feature | 'none'>> = {
  model: 'none',
  input: 'none',
  stream: 'none',
  stream_options: 'none',
  instructions: 'system',
  max_output_tokens: 'max_tokens',
  temperature: 'temperature',
  top_p: 'top_p',
  top_logprobs: 'logprobs',
  text: 'json_schema',
  reasoning: 'effort',
  tools: 'tools',
  tool_choice: 'tool_choice',
  parallel_tool_calls: 'parallel_tool_calls',
  // Counts the calls of built-in tools; the writer of answers leaves out further ones.
  max_tool_calls: 'none',
  store: 'store',
  // The gateway adds the response that it names.
  previous_response_id: 'none',
  conversation: 'previous_response',
  include: 'include',
  // The gateway itself leaves items out.
  truncation: 'none',
  context_management: 'truncation',
  background: 'background',
  metadata: 'metadata',
  user: 'user',
  safety_identifier: 'user',
  prompt: 'none',
  prompt_cache_key: 'cache_control',
  prompt_cache_options: 'cache_control',
  prompt_cache_retention: 'cache_control',
  service_tier: 'service_tier',
  moderation: 'moderation',
  access_programs: 'none',
  image: 'none',
  // Servers accept these beside OpenAI's fields.
  top_k: 'top_k',
  min_p: 'min_p',
  seed: 'seed',
  stop: 'stop',
  presence_penalty: 'presence_penalty',
  frequency_penalty: 'frequency_penalty',
  repetition_penalty: 'repeat_penalty',
}

/**
 * Reads a request to OpenAI's Responses API. What it refers to must have been added; see `expandRequest`.
 * @throws GatewayError invalid_request
 */
export function readResponsesRequest(request: JsonObject): Conversation {
  const uses = new Set<Feature>()
  const tools = new ToolReader(uses)
  tools.add(listOf(request, 'tools'), 'tools')
  const items = new ItemReader(tools, uses)
  items.read(inputItems(request))
  const turns = withInstructions(request, items.turns, uses)
  if (turns.length === 0) refuse('input', 'at least one message is required')
  readServerFields(request, uses)
  return {
    turns,
    tools: tools.tools,
    toolChoice: readToolChoice(request, tools, uses),
    settings: readSettings(request, items.update, uses),
    isStream: booleanOf(request, 'stream') === true,
    uses,
  }
}

/** A string is the message of a user. */
function inputItems(request: JsonObject): readonly unknown[] {
  const input = given(request, 'input')
  if (typeof input === 'string')
    return input === '' ? [] : [{ type: 'message', role: 'user', content: input }]
  return listOf(request, 'input')
}

function withInstructions(request: JsonObject, turns: readonly Turn[], uses: Set<Feature>): readonly Turn[] {
  const text = textOf(request, 'instructions') ?? ''
  if (text === '') return turns
  uses.add('system')
  return [{ role: 'system', text, isDeveloper: false }, ...turns]
}
