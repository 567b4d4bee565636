import type { AssistantPart, Conversation, Part } from '../contract/conversation.ts'

/** Pessimistic: code, JSON and many languages have fewer characters per token than English text. */
const charactersPerToken = 3
/** Of an image, whatever its size: what vision models use for a screenshot. */
const imageTokens = 1_600
/** Of a document whose text the gateway does not have: a few pages. */
const documentTokens = 8_000
/** Of a message or a tool, beside its text. */
const frameTokens = 8

const ownLength = (text: string) => text.length

/**
 * A high estimate of the tokens of a prompt, to leave room for it in the context.
 * @param lengthOf length of a text with what its marks stand for, if it may contain marks
 */
export function estimatePromptTokens({ turns, tools }: Conversation, lengthOf = ownLength): number {
  let characters = 0
  let tokens = frameTokens * (turns.length + tools.length)
  const add = (part: Part | AssistantPart) => {
    if (part.kind === 'call') characters += part.name.length + lengthOf(part.args)
    else if (part.kind === 'image') tokens += imageTokens
    else if (part.kind === 'document') tokens += documentTokens
    else if (part.kind !== 'audio') characters += lengthOf(part.text)
  }
  for (const turn of turns) {
    if (turn.role === 'system') characters += lengthOf(turn.text)
    else if (turn.role === 'results') for (const { parts } of turn.results) parts.forEach(add)
    else turn.parts.forEach(add)
  }
  for (const tool of tools) characters += JSON.stringify(tool).length
  return tokens + Math.ceil(characters / charactersPerToken)
}
