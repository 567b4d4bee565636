import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { Conversation, Part, Settings } from '../../hub/contract/conversation.ts'
import type { Feature } from '../../hub/contract/features.ts'
import { booleanOf, integerOf, refuse, textOf } from '../chat/request/field-values.ts'
import { readFormat } from '../chat/request/read-format.ts'
import { readSettings } from '../chat/request/read-settings.ts'
import { engineFields, type Fields, noteFields, sharedFields } from '../chat/request/request-fields.ts'

/** What each field of a Completions request is. */
export const completionsFields: Fields = {
  ...engineFields,
  ...sharedFields,
  prompt: 'plain_prompt',
  prompt_embeds: 'token_prompt',
  echo: 'echo',
  suffix: 'suffix',
  logprobs: 'completion_logprobs',
}

/**
 * Reads a Completions request: a conversation of one user turn, which is the prompt.
 * @throws GatewayError invalid_request that names the field
 */
export function readCompletionsRequest(request: JsonObject): Conversation {
  const uses = new Set<Feature>()
  noteFields(request, completionsFields, uses)
  uses.add('plain_prompt')
  const parts: readonly Part[] = [{ kind: 'text', text: readPrompt(request) }]
  const settings: Settings = {
    ...readSettings(request, uses, 0),
    logprobs: readLogprobs(request, uses),
    format: readFormat(request, uses),
    suffix: textOf(request, 'suffix') || undefined,
  }
  return {
    turns: [{ role: 'user', parts }],
    tools: [],
    toolChoice: undefined,
    settings,
    isStream: booleanOf(request, 'stream') === true,
    uses,
  }
}

/** What has no form in any other API is refused, even if unsupported features are dropped: nothing would be left. */
function readPrompt(request: JsonObject): string {
  const { prompt } = request
  if (typeof prompt === 'string') return prompt
  if ((request.prompt_embeds ?? null) !== null) return refuse('prompt_embeds', 'cannot be translated')
  if (prompt === null) return ''
  if (!Array.isArray(prompt) || prompt.length === 0)
    return refuse('prompt', 'must be text or a list of texts')
  const [first]: unknown[] = prompt
  if (typeof first === 'number' || Array.isArray(first)) {
    return refuse('prompt', 'token IDs cannot be translated: send text')
  }
  if (prompt.length > 1)
    return refuse('prompt', 'a list cannot be translated: send a request for each prompt')
  return typeof first === 'string' ? first : refuse('prompt.0', 'must be text')
}

/** A number here; a switch in Chat Completions, whose clients also send it. */
function readLogprobs(request: JsonObject, uses: Set<Feature>): number | undefined {
  const isSwitch = typeof request.logprobs === 'boolean'
  const count = isSwitch ? (request.logprobs === true ? 0 : undefined) : integerOf(request, 'logprobs')
  if (count === undefined) return undefined
  uses.add('completion_logprobs')
  return Math.max(0, count)
}
