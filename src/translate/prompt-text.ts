import { isObject, type JsonObject, listField, objectField, textField } from './json-fields.ts'

/** What of a chat request a model has to read. */
export interface PromptText {
  readonly texts: readonly string[]
  readonly messages: number
  readonly images: number
}

/** Takes the text out of a chat request: what is said, called and answered, and the tools. */
export function promptText(chat: JsonObject): PromptText {
  const texts: string[] = []
  let images = 0
  const messages = listField(chat, 'messages').filter((each) => isObject(each))
  for (const message of messages) {
    if (!isObject(message)) continue
    if (typeof message.content === 'string') texts.push(message.content)
    for (const part of listField(message, 'content')) {
      const text = isObject(part) ? textField(part, 'text') : undefined
      if (text === undefined) images++
      else texts.push(text)
    }
    for (const call of listField(message, 'tool_calls')) {
      const { name, arguments: given } = (isObject(call) ? objectField(call, 'function') : undefined) ?? {}
      texts.push(`${String(name)} ${String(given)}`)
    }
    texts.push(textField(message, 'reasoning') ?? textField(message, 'reasoning_content') ?? '')
  }
  for (const tool of listField(chat, 'tools')) texts.push(JSON.stringify(tool))
  return { texts: texts.filter((text) => text !== ''), messages: messages.length, images }
}

/** What a chat template puts around each message. */
const tokensPerMessage = 4
/** Between a thumbnail's 256 and a screenshot's 1,600: every model cuts pictures up in its own way. */
const tokensPerImage = 1_000
const charactersPerToken = 4

/** Tokens beside the text itself. */
export function frameTokens({ messages, images }: PromptText): number {
  return messages * tokensPerMessage + images * tokensPerImage
}

/** A first guess that costs nothing: English has about four characters to a token, code and other scripts fewer. */
export function roughTokens(prompt: PromptText): number {
  const characters = prompt.texts.reduce((sum, text) => sum + text.length, 0)
  return Math.ceil(characters / charactersPerToken) + frameTokens(prompt)
}
