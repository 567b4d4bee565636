import { isObject, type JsonObject, objectField, textField } from '../../../kernel/json/json-fields.ts'
import { argumentText } from '../../hub/calls/argument-text.ts'
import type {
  AssistantPart,
  CallPart,
  ImagePart,
  Part,
  TextPart,
  ToolResult,
  Turn,
} from '../../hub/contract/conversation.ts'
import type { Feature } from '../../hub/contract/features.ts'
import { contentBlocks } from '../../hub/parts/blocks.ts'
import { isGiven, optionalList, optionalText, refuse } from '../parts/read-fields.ts'
import { readMedia } from '../parts/read-media.ts'

/**
 * Reads the messages of a chat.
 * @param uses receives the features that the messages use
 * @throws GatewayError invalid_request
 */
export function readMessages(messages: readonly unknown[], uses: Set<Feature>): Turn[] {
  const reader = new MessageReader(uses)
  messages.forEach((message, index) => {
    reader.push(message, `messages.${index}`)
  })
  return reader.turns
}

class MessageReader {
  readonly turns: Turn[] = []
  readonly #uses: Set<Feature>
  /** The results of the turn that is being read. */
  #results: ToolResult[] | undefined
  /** IDs of calls that the client sent. */
  readonly #sentIds = new Set<string>()
  #madeIds = 0

  constructor(uses: Set<Feature>) {
    this.#uses = uses
  }

  push(message: unknown, path: string): void {
    if (!isObject(message)) refuse(`${path}: must be an object`)
    const role = textField(message, 'role')?.toLowerCase()
    if (role === 'tool') {
      this.#pushResult(message, path)
      return
    }
    this.#results = undefined
    switch (role) {
      case 'system':
      case 'developer':
        this.#uses.add(role)
        this.turns.push({ role: 'system', text: readText(message, path), isDeveloper: role === 'developer' })
        break
      case 'user':
        this.turns.push({ role: 'user', parts: this.#userParts(message, path) })
        break
      case 'assistant':
        this.turns.push({ role: 'assistant', parts: this.#assistantParts(message, path) })
        break
      default:
        refuse(`${path}.role: must be system, user, assistant or tool`)
    }
  }

  /** Ollama puts the images of a message before its text. An empty message stays a turn. */
  #userParts(message: JsonObject, path: string): Part[] {
    const parts: Part[] = [...this.#media(message, path), ...this.#content(message, path)]
    return parts.length === 0 ? [{ kind: 'text', text: '' }] : parts
  }

  #assistantParts(message: JsonObject, path: string): AssistantPart[] {
    const parts: AssistantPart[] = []
    const thinking = optionalText(message, 'thinking', `${path}.thinking`)
    if (thinking !== undefined) {
      this.#uses.add('thinking_history')
      parts.push({ kind: 'thinking', text: thinking })
    }
    const text = readText(message, path)
    if (text !== '') parts.push({ kind: 'text', text })
    const calls = optionalList(message, 'tool_calls', `${path}.tool_calls`)
    calls.forEach((call, index) => {
      parts.push(this.#call(call, `${path}.tool_calls.${index}`))
    })
    return parts
  }

  #call(call: unknown, path: string): CallPart {
    if (!isObject(call)) refuse(`${path}: must be an object`)
    const definition = objectField(call, 'function') ?? call
    const name = textField(definition, 'name')
    if (name === undefined || name === '') refuse(`${path}.function.name: is required`)
    this.#uses.add('tools')
    const sentId = textField(call, 'id') ?? ''
    if (sentId !== '') this.#sentIds.add(sentId)
    return {
      kind: 'call',
      id: sentId === '' ? this.#makeId() : sentId,
      name,
      args: readArguments(definition.arguments, `${path}.function.arguments`),
    }
  }

  /**
   * Other APIs need an ID, and Ollama's clients send none. The same history gets the same IDs, so that endpoints can
   * reuse their prompt cache. Nine letters and digits, because Mistral's templates accept nothing else.
   */
  #makeId(): string {
    this.#madeIds++
    return `call${String(this.#madeIds).padStart(5, '0')}`
  }

  #pushResult(message: JsonObject, path: string): void {
    const result = this.#readResult(message, path)
    if (this.#results === undefined) {
      this.#results = [result]
      this.turns.push({ role: 'results', results: this.#results })
    } else this.#results.push(result)
  }

  /** Results of calls without an ID belong to the calls by name, or else by order; see `orderTurns`. */
  #readResult(message: JsonObject, path: string): ToolResult {
    this.#uses.add('tools')
    const id = optionalText(message, 'tool_call_id', `${path}.tool_call_id`) ?? ''
    const name = optionalText(message, 'tool_name', `${path}.tool_name`) ?? textField(message, 'name')
    const media = this.#media(message, path)
    if (media.length > 0) this.#uses.add('tool_result_image')
    const parts: Part[] = [...this.#content(message, path), ...media]
    return { callId: this.#sentIds.has(id) ? id : '', name, parts, isError: false }
  }

  #media(message: JsonObject, path: string): Part[] {
    return optionalList(message, 'images', `${path}.images`).map((image, index) =>
      readMedia(image, `${path}.images.${index}`, this.#uses),
    )
  }

  /** Ollama reads only text here; some clients send OpenAI's parts. */
  #content({ content }: JsonObject, path: string): Part[] {
    if (!Array.isArray(content)) return textParts(content, path)
    return contentBlocks(content).flatMap((block) => {
      const image = objectField(block, 'image_url') ?? { url: block.image_url }
      const url = textField(image, 'url')
      if (url !== undefined) return this.#image(url, path)
      return textParts(block.text, path)
    })
  }

  #image(url: string, path: string): Part {
    if (/^https?:/i.test(url)) {
      this.#uses.add('image_url')
      const image: ImagePart = { kind: 'image', source: { kind: 'url', url } }
      return image
    }
    return readMedia(url, `${path}.content`, this.#uses)
  }
}

/** The text of a message that has only text. */
function readText(message: JsonObject, path: string): string {
  if (optionalList(message, 'images', `${path}.images`).length > 0) {
    refuse(`${path}.images: only messages of users and tools may have images`)
  }
  const { content } = message
  const parts = Array.isArray(content)
    ? contentBlocks(content).flatMap((block) => textParts(block.text, path))
    : textParts(content, path)
  return parts.map(({ text }) => text).join('\n\n')
}

function textParts(content: unknown, path: string): TextPart[] {
  if (!isGiven(content) || content === '') return []
  return typeof content === 'string'
    ? [{ kind: 'text', text: content }]
    : refuse(`${path}.content: must be a string`)
}

/** Ollama's clients send an object; those of other APIs its JSON text. */
function readArguments(args: unknown, path: string): string {
  if (isGiven(args) && !isObject(args) && typeof args !== 'string') refuse(`${path}: must be an object`)
  return argumentText(args)
}
