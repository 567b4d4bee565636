import { asList, asObject, asText, isObject, type JsonObject } from '../../../../kernel/json/json-fields.ts'
import type { LongTexts } from '../../../../kernel/json/long-texts.ts'

/** The parts of a chat request that a model reads. */
export interface PromptText {
  readonly texts: readonly string[]
  readonly messages: number
  readonly images: number
  readonly tools: number
}

/** Extracts the text of a chat request: messages, calls, results and tools. */
export function promptText(chat: JsonObject): PromptText {
  const texts: string[] = []
  const counts = readPrompt(chat, (text) => {
    texts.push(text)
  })
  return { texts, ...counts }
}

/** Tokens that a chat template adds around each message. */
const tokensPerMessage = 4
/** Tokens that open the prompt and the answer. */
const tokensPerPrompt = 3
/** Tokens of the instructions that templates put before the list of tools. */
const tokensForTools = 80
/** Between a thumbnail's 256 and a screenshot's 1,600: each model splits images in its own way. */
const tokensPerImage = 1_000
const charactersPerToken = 4

/** Tokens besides the text itself. */
export function frameTokens({ messages, images, tools }: Omit<PromptText, 'texts'>): number {
  if (messages === 0) return 0
  const opening = tokensPerPrompt + (tools > 0 ? tokensForTools : 0)
  return opening + messages * tokensPerMessage + imageTokens(images)
}

/** Tokenizers do not count images. */
export function imageTokens(images: number): number {
  return images * tokensPerImage
}

/**
 * A rough estimate at no cost: English has about four characters per token; code and other scripts have fewer.
 * @param texts that `chat` has marks of
 */
export function roughTokens(chat: JsonObject, texts?: LongTexts): number {
  let characters = 0
  const counts = readPrompt(chat, (text) => {
    characters += texts === undefined ? text.length : texts.lengthOf(text)
  })
  return Math.ceil(characters / charactersPerToken) + frameTokens(counts)
}

function readPrompt(chat: JsonObject, take: (text: string) => void): Omit<PromptText, 'texts'> {
  let messages = 0
  let images = 0
  for (const message of asList(chat.messages)) {
    if (!isObject(message)) continue
    messages++
    const { content, tool_calls: calls, reasoning, reasoning_content: thought } = message
    if (typeof content === 'string') take(content)
    for (const part of asList(content)) {
      const text = isObject(part) ? asText(part.text) : undefined
      if (text === undefined) images++
      else take(text)
    }
    for (const call of asList(calls)) {
      const { name, arguments: args } = (isObject(call) ? asObject(call.function) : undefined) ?? {}
      take(`${String(name)} ${String(args)}`)
    }
    const thinking = asText(reasoning) ?? asText(thought)
    if (thinking !== undefined) take(thinking)
  }
  const tools = asList(chat.tools)
  for (const tool of tools) take(JSON.stringify(tool))
  return { messages, images, tools: tools.length }
}
