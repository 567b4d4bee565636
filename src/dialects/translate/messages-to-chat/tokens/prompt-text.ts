import {
  isObject,
  type JsonObject,
  listField,
  objectField,
  textField,
} from '../../../../kernel/json/json-fields.ts'

/** What of a chat request a model has to read. */
export interface PromptText {
  readonly texts: readonly string[]
  readonly messages: number
  readonly images: number
  readonly tools: number
}

/** Takes the text out of a chat request: what is said, called and answered, and the tools. */
export function promptText(chat: JsonObject): PromptText {
  const texts: string[] = []
  const counts = readPrompt(chat, (text) => {
    texts.push(text)
  })
  return { texts, ...counts }
}

/** What a chat template puts around each message. */
const tokensPerMessage = 4
/** What opens the prompt and the answer. */
const tokensPerPrompt = 3
/** What templates say of tools before they list them: how a call must be written. */
const tokensForTools = 80
/** Between a thumbnail's 256 and a screenshot's 1,600: every model cuts pictures up in its own way. */
const tokensPerImage = 1_000
const charactersPerToken = 4

/** Tokens beside the text itself. */
export function frameTokens({ messages, images, tools }: Omit<PromptText, 'texts'>): number {
  if (messages === 0) return 0
  const opening = tokensPerPrompt + (tools > 0 ? tokensForTools : 0)
  return opening + messages * tokensPerMessage + imageTokens(images)
}

/** Pictures are not text: a tokenizer counts none. */
export function imageTokens(images: number): number {
  return images * tokensPerImage
}

/**
 * A first guess that costs nothing: English has about four characters to a token, code and other scripts fewer.
 */
export function roughTokens(chat: JsonObject): number {
  let characters = 0
  const counts = readPrompt(chat, (text) => {
    characters += text.length
  })
  return Math.ceil(characters / charactersPerToken) + frameTokens(counts)
}

function readPrompt(chat: JsonObject, take: (text: string) => void): Omit<PromptText, 'texts'> {
  let messages = 0
  let images = 0
  for (const message of listField(chat, 'messages')) {
    if (!isObject(message)) continue
    messages++
    if (typeof message.content === 'string') take(message.content)
    for (const part of listField(message, 'content')) {
      const text = isObject(part) ? textField(part, 'text') : undefined
      if (text === undefined) images++
      else take(text)
    }
    for (const call of listField(message, 'tool_calls')) {
      const { name, arguments: given } = (isObject(call) ? objectField(call, 'function') : undefined) ?? {}
      take(`${String(name)} ${String(given)}`)
    }
    const thought = textField(message, 'reasoning') ?? textField(message, 'reasoning_content')
    if (thought !== undefined) take(thought)
  }
  const tools = listField(chat, 'tools')
  for (const tool of tools) take(JSON.stringify(tool))
  return { messages, images, tools: tools.length }
}
