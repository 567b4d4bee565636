import { isObject, type JsonObject } from './json.ts'

/** Members of a request under which an answer may be anything but one plain text. */
const excluding = [
  'response_format',
  'json_schema',
  'grammar',
  'guided_json',
  'guided_regex',
  'guided_choice',
  'guided_grammar',
  'structured_outputs',
  'regex',
  'ebnf',
  'format',
  'output_format',
  'output_config',
  'logprobs',
  'top_logprobs',
  'audio',
  'modalities',
  'echo',
  'suffix',
  'thinking',
]
const limits = ['max_tokens', 'max_completion_tokens', 'num_predict']

/** The text that was sent, in the two parts that a continuation needs. */
export interface SentParts {
  /** Without the white space at its end. */
  readonly text: string
  /** Its tokens, about. */
  readonly tokens: number
}

export type ContinueRequest = (
  request: JsonObject,
  sent: SentParts,
  isFlagged: boolean,
) => JsonObject | undefined

/**
 * The request that continues a chat: the text is the last message, of the assistant.
 * @param isFlagged whether the engine must be told that the last message is not complete
 * @returns undefined if the answer cannot be continued exactly
 */
export function continuedChat(
  request: JsonObject,
  { text, tokens }: SentParts,
  isFlagged: boolean,
): JsonObject | undefined {
  const limited = afterTokens(request, tokens)
  const { messages } = request
  if (limited === undefined || !Array.isArray(messages) || !isPlain(request)) return undefined
  const last: unknown = messages.at(-1)
  const isPrefilled = isObject(last) && last.role === 'assistant'
  if (isPrefilled && typeof last.content !== 'string') return undefined
  const message = isPrefilled
    ? { ...last, content: `${String(last.content)}${text}` }
    : { role: 'assistant', content: text }
  const all = [...(isPrefilled ? messages.slice(0, -1) : messages), message]
  const flags = isFlagged ? { add_generation_prompt: false, continue_final_message: true } : {}
  return { ...limited, messages: all, ...flags }
}

/** The request that continues a completion: its prompt, followed by the text. */
export function continuedCompletion(
  request: JsonObject,
  { text, tokens }: SentParts,
): JsonObject | undefined {
  const limited = afterTokens(request, tokens)
  const { prompt, best_of: best } = request
  if (limited === undefined || typeof prompt !== 'string' || !isPlain(request)) return undefined
  if (typeof best === 'number' && best > 1) return undefined
  return { ...limited, prompt: prompt + text }
}

function isPlain(request: JsonObject): boolean {
  const { n } = request
  if (n !== undefined && n !== null && n !== 1) return false
  return excluding.every((name) => isOff(name, request[name]))
}

function isOff(name: string, value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return true
  if (name === 'modalities') return Array.isArray(value) && value.every((each) => each === 'text')
  if (!isObject(value)) return name === 'top_logprobs' && value === 0
  if (name === 'output_config') return value.format === undefined || value.format === null
  return (
    (name === 'response_format' && value.type === 'text') ||
    (name === 'thinking' && value.type === 'disabled')
  )
}

/** @returns undefined if the limit of tokens is reached */
function afterTokens(request: JsonObject, tokens: number): JsonObject | undefined {
  const { options } = request
  const own = lowered(request, tokens)
  if (own === undefined || !isObject(options)) return own
  const inner = lowered(options, tokens)
  return inner === undefined ? undefined : { ...own, options: inner }
}

function lowered(settings: JsonObject, tokens: number): JsonObject | undefined {
  const changed: Record<string, number> = {}
  for (const name of limits) {
    const limit = settings[name]
    if (typeof limit !== 'number' || limit < 0) continue
    if (limit <= tokens) return undefined
    changed[name] = limit - tokens
  }
  return { ...settings, ...changed }
}
