import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { Conversation, Part, Turn } from '../../hub/contract/conversation.ts'
import type { Feature } from '../../hub/contract/features.ts'
import {
  isGiven,
  optionalFlag,
  optionalList,
  optionalText,
  refuse,
  wantsStream,
} from '../parts/read-fields.ts'
import { readMedia } from '../parts/read-media.ts'
import { readSettings } from '../parts/read-settings.ts'

/** Fields of models that generate images. */
const imageFields = ['width', 'height', 'steps']

/**
 * Reads a request to `/api/generate`. One without a prompt loads or unloads the model; see `ollamaLoadRequest`.
 * @throws GatewayError invalid_request that names the field
 */
export function readOllamaGenerateRequest(request: JsonObject): Conversation {
  const prompt = optionalText(request, 'prompt') ?? refuse('prompt: is required')
  const system = optionalText(request, 'system')
  const suffix = optionalText(request, 'suffix')
  const uses = new Set<Feature>()
  if (system !== undefined) uses.add('system')
  if (suffix !== undefined) uses.add('suffix')
  readPromptForm(request, system, uses)
  if (imageFields.some((field) => isGiven(request[field]))) uses.add('engine_options')
  // Ollama puts images before the prompt.
  const parts: Part[] = [
    ...optionalList(request, 'images').map((image, index) => readMedia(image, `images.${index}`, uses)),
    { kind: 'text', text: prompt },
  ]
  const turns: Turn[] = [{ role: 'user', parts }]
  if (system !== undefined) turns.unshift({ role: 'system', text: system, isDeveloper: false })
  const settings = readSettings(request, uses)
  return {
    turns,
    tools: [],
    toolChoice: undefined,
    settings: suffix === undefined ? settings : { ...settings, suffix },
    isStream: wantsStream(request),
    uses,
  }
}

function readPromptForm(request: JsonObject, system: string | undefined, uses: Set<Feature>): void {
  const hasTemplate = optionalText(request, 'template') !== undefined
  const hasContext = optionalList(request, 'context').length > 0
  if (hasTemplate) uses.add('prompt_template')
  if (hasContext) uses.add('context_tokens')
  if (optionalFlag(request, 'raw') !== true) return
  // In Ollama's words.
  if (hasTemplate || hasContext || system !== undefined) {
    refuse('raw: raw mode does not support template, system, or context')
  }
  uses.add('raw_prompt')
}
