import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { Conversation, Part } from '../../hub/contract/conversation.ts'
import type { FormatTarget, WrittenRequest } from '../../hub/format.ts'
import { orderTurns } from '../../hub/parts/ordered-turns.ts'
import { refuse } from '../parts/read-fields.ts'
import { imagesMember, textOf } from '../parts/write-media.ts'
import { writeSettings } from '../parts/write-settings.ts'

/**
 * Writes a request to `/api/generate`. A prompt without a template is sent as `raw`, except with a suffix: Ollama fills
 * in the middle only by the model's template.
 * @throws GatewayError invalid_request if the conversation has earlier answers
 */
export function writeOllamaGenerateRequest(conversation: Conversation, target: FormatTarget): WrittenRequest {
  const { settings, uses } = conversation
  const { suffix } = settings
  const { system, parts } = promptOf(conversation)
  const isRaw = (uses.has('raw_prompt') || uses.has('plain_prompt')) && suffix === undefined
  const body: JsonObject = {
    model: target.model,
    prompt: textOf(parts),
    ...(suffix === undefined ? {} : { suffix }),
    ...(system === '' ? {} : { system }),
    ...imagesMember(parts),
    ...(isRaw ? { raw: true } : {}),
    ...writeSettings(conversation, target),
  }
  return { body, toolNames: [] }
}

function promptOf({ turns }: Conversation): { readonly system: string; readonly parts: readonly Part[] } {
  const system: string[] = []
  const parts: Part[] = []
  for (const turn of orderTurns(turns)) {
    if (turn.role === 'system') system.push(turn.text)
    else if (turn.role === 'user') parts.push(...turn.parts)
    else refuse('messages: this endpoint takes one prompt without earlier answers')
  }
  return { system: system.join('\n\n'), parts }
}
